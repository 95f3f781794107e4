//! The contract, read from its descriptor: calls, messages and enumerations, with their comments.

use std::collections::HashMap;

use draftstore_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::calls::Call;
use crate::errors::REASONS;

const PACKAGE: &str = "draft.v1";
const TIMESTAMP: &str = ".google.protobuf.Timestamp";

// The field numbers of descriptor.proto that make up the paths of comments.
const FILE_MESSAGES: i32 = 4;
const FILE_ENUMS: i32 = 5;
const FILE_SERVICES: i32 = 6;
const MEMBERS: i32 = 2;

/// The contract, as far as the document needs it.
#[derive(Debug)]
pub(super) struct Contract {
    /// The comment of the service.
    pub(super) comment: String,
    pub(super) methods: Vec<Method>,
    pub(super) messages: Vec<Message>,
    pub(super) enumerations: Vec<Enumeration>,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) rpc: String,
    pub(super) comment: String,
    pub(super) request: String,
    pub(super) response: String,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) kind: Kind,
    pub(super) is_list: bool,
    pub(super) presence: Presence,
}

/// A type of protobuf that the contract uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Int32,
    Int64,
    Enumeration(String),
    Message(String),
    Timestamp,
    /// A map from strings to strings.
    Map,
}

/// The presence of a field in a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Optional,
    OneOf,
}

#[derive(Debug)]
pub(super) struct Enumeration {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) values: Vec<EnumerationValue>,
}

#[derive(Debug)]
pub(super) struct EnumerationValue {
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) comment: String,
}

impl Contract {
    /// Reads the contract that both fronts serve.
    pub(super) fn read() -> Self {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the build has encoded it");
        let ours = files.file.into_iter().find(|file| file.package() == PACKAGE);
        let file = ours.expect("the contract is in its own descriptor set");
        let comments = Comments::of(&file);
        let service = file.service.first().expect("the contract has a service");
        let methods = (0..).zip(&service.method).map(|(place, method)| Method {
            rpc: method.name().to_owned(),
            comment: comments.at(&[FILE_SERVICES, 0, MEMBERS, place]),
            request: local(method.input_type()),
            response: local(method.output_type()),
        });
        let messages = (0..).zip(&file.message_type);
        let enumerations = (0..).zip(&file.enum_type);
        Self {
            comment: comments.at(&[FILE_SERVICES, 0]),
            methods: methods.collect(),
            messages: messages.map(|(place, it)| message(it, place, &comments)).collect(),
            enumerations: enumerations
                .map(|(place, it)| enumeration(it, place, &comments))
                .collect(),
        }
    }

    pub(super) fn message(&self, name: &str) -> &Message {
        let found = self.messages.iter().find(|message| message.name == name);
        found.expect("the contract defines every type it uses")
    }

    pub(super) fn enumeration(&self, name: &str) -> &Enumeration {
        let found = self.enumerations.iter().find(|enumeration| enumeration.name == name);
        found.expect("the contract defines every type it uses")
    }

    /// Returns these messages and all messages in them, in the contract's order.
    pub(super) fn reachable<'c>(&'c self, roots: impl Iterator<Item = &'c str>) -> Vec<&'c Message> {
        let mut waiting: Vec<&str> = roots.collect();
        let mut found: Vec<&str> = Vec::new();
        while let Some(name) = waiting.pop() {
            if found.contains(&name) {
                continue;
            }
            found.push(name);
            waiting.extend(self.message(name).fields.iter().filter_map(|field| match &field.kind {
                Kind::Message(name) => Some(name.as_str()),
                Kind::Text
                | Kind::Bool
                | Kind::Int32
                | Kind::Int64
                | Kind::Enumeration(_)
                | Kind::Timestamp
                | Kind::Map => None,
            }));
        }
        self.messages
            .iter()
            .filter(|message| found.contains(&message.name.as_str()))
            .collect()
    }
}

fn message(message: &DescriptorProto, place: i32, comments: &Comments) -> Message {
    let fields = (0..).zip(&message.field).map(|(number, field)| Field {
        name: field.name().to_owned(),
        comment: comments.at(&[FILE_MESSAGES, place, MEMBERS, number]),
        kind: kind(field, message).expect("a test reads the whole contract"),
        is_list: field.label() == Label::Repeated && !is_map(field, message),
        presence: match field {
            field if field.proto3_optional() => Presence::Optional,
            field if field.oneof_index.is_some() => Presence::OneOf,
            _ => Presence::Always,
        },
    });
    Message {
        name: message.name().to_owned(),
        comment: comments.at(&[FILE_MESSAGES, place]),
        fields: fields.collect(),
    }
}

fn enumeration(enumeration: &EnumDescriptorProto, place: i32, comments: &Comments) -> Enumeration {
    let values = (0..).zip(&enumeration.value).map(|(number, value)| EnumerationValue {
        name: value.name().to_owned(),
        number: value.number(),
        comment: comments.at(&[FILE_ENUMS, place, MEMBERS, number]),
    });
    Enumeration {
        name: enumeration.name().to_owned(),
        comment: comments.at(&[FILE_ENUMS, place]),
        values: values.collect(),
    }
}

/// Returns the type of a field, or `None` if this module does not support it.
fn kind(field: &FieldDescriptorProto, owner: &DescriptorProto) -> Option<Kind> {
    let named = || local(field.type_name());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the contract does not use the other types"
    )]
    match field.r#type() {
        Type::String => Some(Kind::Text),
        Type::Bool => Some(Kind::Bool),
        Type::Int32 => Some(Kind::Int32),
        Type::Int64 => Some(Kind::Int64),
        Type::Enum => Some(Kind::Enumeration(named())),
        Type::Message if field.type_name() == TIMESTAMP => Some(Kind::Timestamp),
        Type::Message if is_map(field, owner) => Some(Kind::Map),
        Type::Message => Some(Kind::Message(named())),
        _ => None,
    }
}

/// Returns whether a field is a map: a list of entries, whose message the compiler generates.
fn is_map(field: &FieldDescriptorProto, owner: &DescriptorProto) -> bool {
    let name = local(field.type_name());
    let mut entries = owner.nested_type.iter().filter(|nested| nested.name() == name);
    entries.any(|nested| {
        nested
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry)
    })
}

/// Returns the last part of a full name.
fn local(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

/// The comments above each item, by its path.
struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let texts = locations.map(|location| (location.path.clone(), plain(location.leading_comments())));
        Self(texts.collect())
    }

    fn at(&self, path: &[i32]) -> String {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

/// Joins the lines of each paragraph, without the line that names the route, which the document has elsewhere. Names of calls
/// become their routes, and reasons get their statuses, since the comments have the names that both fronts share.
fn plain(comment: &str) -> String {
    let joined = joined(comment);
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = String::with_capacity(joined.len());
    let mut rest = joined.as_str();
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_of_word(c)).unwrap_or(from.len()));
        words.push_str(before);
        if let Some(call) = Call::named(word) {
            words.extend(["`POST ", call.path, "`"]);
        } else if let Some(reason) = REASONS.iter().find(|reason| reason.name == word) {
            words.extend([reason.http.as_str(), " `", word, "`"]);
        } else {
            words.push_str(word);
        }
        rest = after;
    }
    words + rest
}

fn joined(comment: &str) -> String {
    let paragraphs = comment.split("\n\n").map(|paragraph| {
        let lines = paragraph.lines().map(str::trim);
        let lines: Vec<_> = lines
            .filter(|line| !line.is_empty() && !line.starts_with("REST: "))
            .collect();
        lines.join(" ")
    });
    let paragraphs: Vec<_> = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect();
    paragraphs.join("\n\n")
}
