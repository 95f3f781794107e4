//! The format of fields in spans and events. The output is that of `tracing-subscriber`.
//!
//! Text that needs no escapes is written directly. Every request has a span, and the general formatter took a tenth of
//! the time of a request.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Formats fields as text: `name="value"`.
#[derive(Debug)]
pub(super) struct TextFields;

impl<'a> FormatFields<'a> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'a>, fields: R) -> fmt::Result {
        let mut text = Text {
            writer,
            is_empty: true,
            result: Ok(()),
        };
        fields.record(&mut text);
        text.result
    }
}

struct Text<'a> {
    writer: Writer<'a>,
    is_empty: bool,
    result: fmt::Result,
}

impl Text<'_> {
    /// Formats a field with the library's own visitor.
    fn by_default(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.result.is_ok() {
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_empty);
            record(&mut visitor);
            self.result = visitor.finish();
            self.is_empty = false;
        }
    }

    fn as_it_is(&mut self, name: &str, value: &str) -> fmt::Result {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.writer.write_char(' ')?;
        }
        for piece in [name, "=\"", value, "\""] {
            self.writer.write_str(piece)?;
        }
        Ok(())
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        let is_special = name == "message" || name.starts_with("r#") || self.writer.has_ansi_escapes();
        if is_special || needs_escapes(value) {
            self.by_default(|visitor| visitor.record_str(field, value));
        } else if self.result.is_ok() {
            self.result = self.as_it_is(name, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.by_default(|visitor| visitor.record_debug(field, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.by_default(|visitor| visitor.record_error(field, value));
    }
}

/// Formats the fields of a span as a JSON object. The library formats events itself.
#[derive(Debug)]
pub(super) struct JsonFields;

impl<'a> FormatFields<'a> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'a>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut object = Object {
            writer,
            is_empty: true,
            result: Ok(()),
        };
        fields.record(&mut object);
        object.result?;
        object.writer.write_char('}')
    }

    fn add_fields(&self, current: &'a mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut more = FormattedFields::<Self>::new(String::new());
        self.format_fields(more.as_writer(), fields)?;
        match (current.fields.strip_suffix('}'), more.fields.strip_prefix('{')) {
            (Some(before), Some(after)) if before.len() > 1 && after.len() > 1 => {
                current.fields = format!("{before},{after}");
            }
            _ if current.fields.len() <= 2 => current.fields = more.fields,
            _ => {}
        }
        Ok(())
    }
}

struct Object<'a> {
    writer: Writer<'a>,
    is_empty: bool,
    result: fmt::Result,
}

impl Object<'_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.name(field).and_then(|()| value(&mut self.writer));
        }
    }

    fn name(&mut self, field: &Field) -> fmt::Result {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.writer.write_char(',')?;
        }
        // Field names are literals in the sources, and need no escapes.
        let name = field.name();
        for piece in ["\"", name.strip_prefix("r#").unwrap_or(name), "\":"] {
            self.writer.write_str(piece)?;
        }
        Ok(())
    }
}

fn string(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    if needs_escapes(value) {
        return writer.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?);
    }
    for piece in ["\"", value, "\""] {
        writer.write_str(piece)?;
    }
    Ok(())
}

impl Visit for Object<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| string(writer, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |writer| string(writer, &format!("{value:?}")));
    }
}

/// Returns true if some format escapes a part of the text.
fn needs_escapes(text: &str) -> bool {
    !text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'\''))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer;
    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry::Registry;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("sound").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const PLAIN: &str = "/api/v1/upload-url";
    const WITH_ESCAPES: &str = "a \"quoted\" \\ \u{1b}[31mred\u{7} ü\n";

    /// Returns the output of a layer for a fixed span and event, without the time.
    fn written<L: Layer<Registry> + Send + Sync>(make: impl FnOnce(Lines) -> L) -> String {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(make(lines.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "request",
                path = PLAIN,
                r#type = "kept",
                odd = WITH_ESCAPES,
                count = 3_u64,
                below = -1_i64,
                is_good = true,
                later = tracing::field::Empty,
                "a message",
            );
            span.record("later", "said");
            let _entered = span.enter();
            let error = std::io::Error::other(WITH_ESCAPES);
            let error = &error as &dyn std::error::Error;
            tracing::info!(name = PLAIN, odd = WITH_ESCAPES, error, shown = ?Some("x"), "done: {WITH_ESCAPES}");
        });
        let bytes = lines.0.lock().expect("sound").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn text_equals_the_output_of_the_library() {
        for ansi in [false, true] {
            let plain = |lines: Lines| {
                let layer = layer().with_ansi(ansi).without_time();
                layer.with_writer(move || lines.clone())
            };
            let ours = written(|lines| plain(lines).fmt_fields(TextFields));
            assert_eq!(ours, written(plain));
            assert!(ours.contains(PLAIN), "{ours}");
        }
    }

    #[test]
    fn json_equals_the_output_of_the_library() {
        let json = |lines: Lines| layer().without_time().with_writer(move || lines.clone()).json();
        let ours = written(|lines| json(lines).fmt_fields(JsonFields));
        let parsed = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        assert_eq!(parsed(&ours), parsed(&written(json)));
        assert_eq!(parsed(&ours)["span"]["later"], "said");
    }
}
