//! JSON as the protobuf mapping defines it, for what the generated code does not read: `null` for an absent field, and whole
//! numbers in every form.
//!
//! Source: <https://protobuf.dev/programming-guides/json/>

use std::fmt;
use std::sync::LazyLock;

use draftstore_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The maximum number of values in a document. A request with the maximum number of parts has half of it.
const MAX_VALUES: usize = 100_000;

/// The maximum exponent of a number, beyond the range of every field.
const MAX_EXPONENT: usize = 40;

/// The messages of the contract.
static MESSAGES: LazyLock<Vec<DescriptorProto>> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the build has encoded it");
    files.file.into_iter().flat_map(|file| file.message_type).collect()
});

/// Returns the JSON with the whole numbers that have a fraction or an exponent as digits. A parser would round those that a
/// floating-point number cannot hold.
pub(super) fn write_whole_numbers(json: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(json.len());
    let (mut in_text, mut is_escaped) = (false, false);
    let mut rest = json;
    while let [byte, after @ ..] = rest {
        let length = if in_text { 0 } else { number_length(rest) };
        if length > 0 {
            let (number, after) = rest.split_at(length);
            let whole = std::str::from_utf8(number).ok().filter(|text| is_number(text));
            match whole.and_then(whole_number) {
                Some(whole) => written.extend(whole.as_bytes()),
                None => written.extend(number),
            }
            rest = after;
            continue;
        }
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ => {}
        }
        written.push(*byte);
        rest = after;
    }
    written
}

/// Returns the length of the number with which the JSON begins, or 0.
fn number_length(json: &[u8]) -> usize {
    let is_begin = json.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    let is_of_number = |b: &&u8| b.is_ascii_digit() || b"-+.eE".contains(*b);
    if is_begin {
        json.iter().take_while(is_of_number).count()
    } else {
        0
    }
}

/// Tells whether a number begins as JSON allows: without a zero before other digits.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    !matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// Rewrites the JSON of a message into the form that the generated code reads. Everything else is left for its errors.
pub(super) fn normalize(message: &str, value: &mut Value) {
    if let Some(message) = MESSAGES.iter().find(|known| known.name() == message) {
        normalize_message(message, value);
    }
}

fn normalize_message(message: &DescriptorProto, value: &mut Value) {
    let Value::Object(members) = value else {
        return;
    };
    let field = |name: &str| {
        let mut fields = message.field.iter();
        fields.find(|field| field.name() == name || field.json_name() == name)
    };
    members.retain(|name, member| !member.is_null() || field(name).is_none());
    for (name, member) in members {
        if let Some(field) = field(name) {
            normalize_field(message, field, member);
        }
    }
}

fn normalize_field(message: &DescriptorProto, field: &FieldDescriptorProto, value: &mut Value) {
    match (field.label(), value) {
        (Label::Repeated, Value::Array(elements)) => {
            for element in elements {
                normalize_value(message, field, element);
            }
        }
        (Label::Repeated, Value::Object(entries)) => {
            // A map is a list of entries with a key and a value.
            let entry = nested(message, field).and_then(|entry| Some((entry, entry.field.get(1)?)));
            for value in entries.values_mut() {
                if let Some((entry, field)) = entry {
                    normalize_value(entry, field, value);
                }
            }
        }
        (_, value) => normalize_value(message, field, value),
    }
}

fn normalize_value(message: &DescriptorProto, field: &FieldDescriptorProto, value: &mut Value) {
    match field.r#type() {
        Type::Int32
        | Type::Int64
        | Type::Uint32
        | Type::Uint64
        | Type::Sint32
        | Type::Sint64
        | Type::Fixed32
        | Type::Fixed64
        | Type::Sfixed32
        | Type::Sfixed64 => {
            let text = match value {
                // Whole ones have been written as digits, unless they are beyond every range.
                Value::Number(number) if !number.is_f64() => Some(number.to_string()),
                Value::String(text) => Some(text.clone()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
            };
            if let Some(whole) = text.as_deref().and_then(whole_number) {
                *value = Value::String(whole);
            }
        }
        Type::Message => {
            if let Some(message) = nested(message, field) {
                normalize_message(message, value);
            }
        }
        Type::Double | Type::Float | Type::Bool | Type::String | Type::Group | Type::Bytes | Type::Enum => {}
    }
}

/// Returns the message of a field.
fn nested<'d>(message: &'d DescriptorProto, field: &FieldDescriptorProto) -> Option<&'d DescriptorProto> {
    let name = field.type_name().rsplit('.').next()?;
    let own = message.nested_type.iter().find(|nested| nested.name() == name);
    own.or_else(|| MESSAGES.iter().find(|known| known.name() == name))
}

/// Returns the digits of a number in JSON's syntax that is whole, such as `1000`, `1000.0` or `1e3`.
fn whole_number(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (exponent, is_negative) = match exponent.strip_prefix('-') {
        Some(exponent) => (exponent, true),
        None => (exponent, false),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if ![whole, fraction, exponent].into_iter().all(all_digits) {
        return None;
    }
    let exponent: usize = exponent.parse().ok().filter(|exponent| *exponent <= MAX_EXPONENT)?;
    let digits = format!("{whole}{fraction}");
    let point = if is_negative {
        whole.len().checked_sub(exponent)
    } else {
        Some(whole.len() + exponent)
    };
    let (whole, rest) = match point {
        Some(point) if point <= digits.len() => digits.split_at(point),
        Some(_) => (digits.as_str(), ""),
        None => ("", digits.as_str()),
    };
    if rest.bytes().any(|b| b != b'0') {
        return None;
    }
    let zeros = point.map_or(0, |point| point.saturating_sub(digits.len()));
    let whole = format!("{whole}{}", "0".repeat(zeros));
    match whole.trim_start_matches('0') {
        "" => Some("0".to_owned()),
        whole => Some(format!("{sign}{whole}")),
    }
}

/// A JSON document without duplicate names, and with a bounded number of values.
pub(super) struct Document(pub(super) Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = MAX_VALUES;
        deserializer.deserialize_any(Values(&mut left)).map(Self)
    }
}

/// The values that may still follow.
struct Values<'l>(&'l mut usize);

impl Values<'_> {
    fn count<E: Error>(&mut self) -> Result<(), E> {
        *self.0 = self.0.checked_sub(1).ok_or_else(|| E::custom("too many values"))?;
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Values<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(Values(self.0))? {
            self.count()?;
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.count()?;
            let value = members.next_value_seed(Values(self.0))?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_every_form() {
        for (text, whole) in [
            ("0", "0"),
            ("-0", "0"),
            ("7", "7"),
            ("-7.0", "-7"),
            ("1000.0", "1000"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1.5e1", "15"),
            ("1000e-3", "1"),
            ("0.001e3", "1"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775807.0", "9223372036854775807"),
            ("1e18", "1000000000000000000"),
        ] {
            assert_eq!(whole_number(text).as_deref(), Some(whole), "{text}");
        }
        for text in [
            "",
            "many",
            "1.5",
            "1e-3",
            "1e",
            "e3",
            ".5",
            "1.",
            "0x10",
            "1e999999999",
            " 1",
            "+1",
            "1,0",
        ] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_written_as_digits_outside_of_texts() {
        for (json, written) in [
            ("1e18", "1000000000000000000"),
            ("[9223372036854775807.0,-1.50e1, 1]", "[9223372036854775807,-15, 1]"),
            (r#"{"1e3":"1e3","a\"1e3":1e3}"#, r#"{"1e3":"1e3","a\"1e3":1000}"#),
            (r#""\\",1e3"#, r#""\\",1000"#),
            ("9007199254740993.5", "9007199254740993.5"),
            ("01e3", "01e3"),
            ("-00.0", "-00.0"),
            ("1e", "1e"),
            ("1e99", "1e99"),
            ("true", "true"),
        ] {
            assert_eq!(write_whole_numbers(json.as_bytes()), written.as_bytes(), "{json}");
        }
    }

    #[test]
    fn duplicate_names_and_too_many_values_are_rejected() {
        let rejected = |json: &str| {
            serde_json::from_str::<Document>(json)
                .err()
                .expect("rejected")
                .to_string()
        };
        assert!(rejected(r#"{"a":{"b":1,"b":2}}"#).contains("duplicate field `b`"));
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(rejected(&many).contains("too many values"));
    }
}
