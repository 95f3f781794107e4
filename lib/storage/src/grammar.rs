//! The grammar that header values share: tokens, quoted strings and parameters.
//!
//! Source: RFC 9110, sections 5.6.2 (tokens), 5.6.4 (quoted strings) and 5.6.6 (parameters)

/// The parameters of a value, in their order. Names are in lower case, values without quotes and escapes.
pub(crate) type Parameters = Vec<(String, String)>;

/// The rule that malformed parameters break.
pub(crate) const PARAMETERS: &str =
    "must have each parameter as name=value after one ';', the value a token or in double quotes";

/// The rule that repeated parameters break.
pub(crate) const REPEATED: &str = "must not have a parameter twice";

/// Returns `true` if the text is a token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// The white space that may be around separators.
const OWS: [char; 2] = [' ', '\t'];

/// Returns `true` if the text is printable ASCII and tabs, of 1 to `max` bytes, without white space at either end.
pub(crate) fn is_plain(text: &str, max: usize) -> bool {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\t');
    printable && (1..=max).contains(&text.len()) && text.trim_matches(OWS) == text
}

/// Returns the rest of the text after a separator and the white space around it, or `None` if another text follows.
pub(crate) fn after_separator(text: &str, separator: char) -> Option<&str> {
    let after = text.trim_start_matches(OWS).strip_prefix(separator)?;
    Some(after.trim_start_matches(OWS))
}

/// Splits the text after the token that it begins with, which may be empty.
pub(crate) fn split_token(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|b| !is_token_byte(b)).unwrap_or(text.len()))
}

/// Parses the value that the text begins with, a token or a quoted string. Returns it with the rest of the text.
pub(crate) fn split_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = split_token(text);
        return (!token.is_empty()).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(chars.next().filter(|(_, c)| *c != '\t')?.1),
            '\t' => return None,
            c => value.push(c),
        }
    }
    None
}

/// Parses everything after the first token of a value.
///
/// Stricter than the RFC: a semicolon that no parameter follows is refused, and so is a parameter that occurs twice,
/// because readers disagree on which of the two counts.
///
/// # Errors
/// Returns the rule that the text breaks.
pub(crate) fn parameters(mut rest: &str) -> Result<Parameters, &'static str> {
    let mut parameters = Parameters::new();
    while !rest.is_empty() {
        let (name, value) = split_token(after_separator(rest, ';').ok_or(PARAMETERS)?);
        let value = value.strip_prefix('=').filter(|_| !name.is_empty()).ok_or(PARAMETERS)?;
        let (value, after) = split_value(value).ok_or(PARAMETERS)?;
        let name = name.to_ascii_lowercase();
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err(REPEATED);
        }
        parameters.push((name, value));
        rest = after;
    }
    Ok(parameters)
}

/// Appends parameters in canonical form: quoted only where the value is not a token.
pub(crate) fn push_parameters(text: &mut String, parameters: &Parameters) {
    for (name, value) in parameters {
        text.push_str("; ");
        text.push_str(name);
        text.push('=');
        push_value(text, value);
    }
}

/// Appends a value, quoted only if it is not a token.
pub(crate) fn push_value(text: &mut String, value: &str) {
    if is_token(value) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
