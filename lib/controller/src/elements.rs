//! The number of elements in a message, counted before it is decoded: a list of a million empty elements takes a byte or two
//! for each on the wire, and a hundred times as much in memory.

use crate::errors::Failure;

/// The maximum number of fields of one object, and of entries of one map.
const MAX_FIELDS: usize = 1_000;

/// The length of an element, in bytes, from which on it takes no more memory than a few times that of its own.
const MIN_LONG: usize = 32;

/// The depth beyond which JSON is not decoded, either.
const MAX_DEPTH: usize = 128;

/// Checks that no list in the JSON has more elements than this, and no object too many fields. What is not JSON passes.
///
/// # Errors
/// [`Failure`] of the body.
pub(crate) fn check_json(json: &[u8], max: usize) -> Result<(), Failure> {
    // An element takes two bytes.
    if json.len() / 2 < MAX_FIELDS.min(max) {
        return Ok(());
    }
    // The limit of each open list or object, and the number of its commas.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' if open.len() == MAX_DEPTH => return Ok(()),
            b'[' => open.push((max, 0)),
            b'{' => open.push((MAX_FIELDS, 0)),
            b']' | b'}' => drop(open.pop()),
            b',' => {
                if let Some((limit, commas)) = open.last_mut() {
                    *commas += 1;
                    if *commas >= *limit {
                        return Err(too_many());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks that no field of the protobuf message occurs more often than this, and no field of a field too often. What is not
/// protobuf passes.
///
/// # Errors
/// [`Failure`] of the body.
pub(crate) fn check_protobuf(message: &[u8], max: usize) -> Result<(), Failure> {
    if message.len() / 2 < MAX_FIELDS.min(max) {
        return Ok(());
    }
    let fields = Fields(message);
    let mut counts = Counts::default();
    for (number, value) in fields {
        // Only fields with a length can be elements of a list.
        let Some(value) = value else { continue };
        counts.add(number, max)?;
        if value.len() / 2 >= MAX_FIELDS {
            // The value may be a text. A text has no such short elements, since their lengths are control characters.
            let is_short = |value: &[u8]| value.len() < MIN_LONG;
            let mut counts = Counts::default();
            let mut short = Fields(value).filter(|(_, value)| value.is_some_and(is_short));
            short.try_for_each(|(number, _)| counts.add(number, MAX_FIELDS))?;
        }
    }
    Ok(())
}

/// The number of times that each field has occurred. The contract's messages have few.
#[derive(Debug, Default)]
struct Counts(Vec<(u64, usize)>);

impl Counts {
    fn add(&mut self, number: u64, max: usize) -> Result<(), Failure> {
        // A message of the contract has no more kinds of fields than that, and unknown ones take no memory.
        const MAX_KINDS: usize = 64;
        let kinds = self.0.len();
        match self.0.iter_mut().find(|(known, _)| *known == number) {
            Some((_, count)) if *count == max => Err(too_many()),
            Some((_, count)) => {
                *count += 1;
                Ok(())
            }
            None if kinds == MAX_KINDS => Err(too_many()),
            None => {
                self.0.push((number, 1));
                Ok(())
            }
        }
    }
}

/// The fields of a protobuf message, each with its number, and its bytes if it has a length. Ends where the message is malformed.
///
/// Source: <https://protobuf.dev/programming-guides/encoding/>
struct Fields<'m>(&'m [u8]);

impl<'m> Iterator for Fields<'m> {
    type Item = (u64, Option<&'m [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => self.varint().map(|_| None)?,
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = self.varint()?;
                Some(self.take(usize::try_from(length).ok()?)?)
            }
            // The marks of a group have no value of their own.
            3 | 4 => None,
            5 => self.take(4).map(|_| None)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'m> Fields<'m> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (7 * place).min(63);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Returns the failure, without a number: the field may allow fewer elements than are decoded.
fn too_many() -> Failure {
    Failure::invalid(
        "body",
        "must have fewer elements in one list, and fewer fields in one object",
    )
}

#[cfg(test)]
mod tests {
    use prost::encoding::encode_varint;

    use super::*;

    fn list(elements: usize, element: &str) -> String {
        format!(r#"{{"uploads":[{}]}}"#, vec![element; elements].join(","))
    }

    #[test]
    fn long_lists_in_json_are_refused_wherever_they_are() {
        for element in ["{}", "1", "null", r#"{"a":[1,2,3]}"#, r#"",""#] {
            assert!(check_json(list(5_000, element).as_bytes(), 5_000).is_ok(), "{element}");
            assert!(check_json(list(5_001, element).as_bytes(), 5_000).is_err(), "{element}");
        }
        let refused = format!(
            "{:?}",
            check_json(list(5_001, "1").as_bytes(), 5_000).expect_err("too many")
        );
        assert!(!refused.contains("5000"), "the field may allow fewer: {refused}");
        let deep = format!(r#"{{"a":{{"b":{}}}}}"#, list(5_001, "0"));
        assert!(check_json(deep.as_bytes(), 5_000).is_err());
        let fields: Vec<_> = (0..1_001).map(|field| format!(r#""{field}":"""#)).collect();
        let map = format!(r#"{{"metadata":{{{}}}}}"#, fields.join(","));
        assert!(check_json(map.as_bytes(), 5_000).is_err());
        let commas = format!(r#"{{"object_name":"{}\"{}"}}"#, ",".repeat(5_000), ",".repeat(5_000));
        assert!(check_json(commas.as_bytes(), 1_000).is_ok(), "in a text");
    }

    #[test]
    fn fields_that_repeat_in_protobuf_are_refused_above_and_within() {
        assert!(check_protobuf(&b"\x0a\x00".repeat(5_000), 5_000).is_ok());
        assert!(check_protobuf(&b"\x0a\x00".repeat(5_001), 5_000).is_err());
        assert!(check_protobuf(&b"\x08\x01\x0a\x00".repeat(5_001), 5_000).is_err());
        let map = b"\x2a\x00".repeat(1_001);
        let mut nested = vec![0x0a, 0xd2, 0x0f];
        nested.extend(map);
        assert!(check_protobuf(&nested, 5_000).is_err());
        for text in ["x", " ", "*", "z", "2\n", "\u{e9}"] {
            let text = text.repeat(10_000);
            let mut message = vec![0x0a];
            encode_varint(text.len() as u64, &mut message);
            message.extend(text.as_bytes());
            let is_text = !text.contains('\n');
            assert_eq!(check_protobuf(&message, 5_000).is_ok(), is_text, "{}", &text[..2]);
        }
        let mut kinds = Vec::new();
        for number in 1..=2_100 {
            encode_varint(number << 3 | 2, &mut kinds);
            kinds.push(0);
        }
        assert!(check_protobuf(&kinds, 5_000).is_err(), "too many kinds of fields");
    }
}
