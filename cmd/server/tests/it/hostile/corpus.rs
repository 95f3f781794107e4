//! The files of hostile inputs in `tests/corpus/*.txt`, and their parser.
//!
//! ```text
//! ; a comment
//! answer WORD ok
//! answer WORD HTTP GRPC REASON [FIELD RULE…]
//! put WHERE
//! # class: the reason for the entry
//! WORD "input" * 3 + x"ff"
//! ```
//!
//! An input consists of JSON strings and bytes in hex, joined by `+`, each optionally repeated by `*`. `put` states the place of
//! the following inputs, in words that each file defines.

use std::collections::{BTreeMap, HashSet};

use serde_json::Deserializer;

/// A file of inputs.
pub(crate) struct Corpus {
    answers: BTreeMap<&'static str, Answer>,
    pub(crate) cases: Vec<Case>,
}

/// A hostile input.
#[derive(Debug)]
pub(crate) struct Case {
    /// The line in the file.
    pub(crate) line: usize,
    /// The place of the input in a request.
    pub(crate) put: &'static str,
    /// The name of the expected answer.
    pub(crate) word: &'static str,
    pub(crate) input: Vec<u8>,
}

/// The expected answer to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Refused(Refused),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) http: u16,
    /// The name of the variant of [`tonic::Code`].
    pub(crate) grpc: &'static str,
    pub(crate) reason: &'static str,
    /// The only invalid field, and the beginning of its rule.
    pub(crate) field: Option<(&'static str, &'static str)>,
}

impl Corpus {
    /// Parses a file.
    pub(crate) fn read(text: &'static str) -> Self {
        let mut corpus = Self {
            answers: BTreeMap::new(),
            cases: Vec::new(),
        };
        let (mut put, mut class) = ("", "");
        for (place, text) in text.lines().enumerate() {
            let line = place + 1;
            let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
            match word {
                "" | ";" => {}
                "#" => class = rest,
                "put" => put = rest,
                "answer" => {
                    let (word, answer) = rest.split_once(' ').expect("an answer");
                    assert!(corpus.answers.insert(word, Answer::read(answer)).is_none(), "{line}");
                }
                word => {
                    assert!(class.contains(": "), "{line}: no class, or no reason for it");
                    let input = input(rest).unwrap_or_else(|| panic!("{line}: {rest}"));
                    corpus.cases.push(Case { line, put, word, input });
                }
            }
        }
        let mut seen = HashSet::new();
        for case in &corpus.cases {
            assert!(seen.insert((case.put, &case.input)), "{}: twice", case.line);
        }
        corpus
    }

    pub(crate) fn answer(&self, case: &Case) -> Answer {
        let answer = self.answers.get(case.word);
        *answer.unwrap_or_else(|| panic!("{}: no answer {}", case.line, case.word))
    }
}

impl Case {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.input).expect("an input of text")
    }
}

impl Answer {
    fn read(text: &'static str) -> Self {
        if text == "ok" {
            return Self::Ok;
        }
        let mut words = text.splitn(5, ' ');
        let mut word = || words.next().expect("HTTP GRPC REASON");
        let (http, grpc, reason) = (word().parse().expect("a status"), word(), word());
        let field = words.next().map(|field| (field, words.next().expect("a rule")));
        Self::Refused(Refused {
            http,
            grpc,
            reason,
            field,
        })
    }
}

fn input(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    loop {
        let (term, after) = if let Some(hex) = rest.strip_prefix("x\"") {
            let (digits, after) = hex.split_once('"')?;
            (from_hex(digits)?, after)
        } else {
            let mut strings = Deserializer::from_str(rest).into_iter::<String>();
            let string = strings.next()?.ok()?;
            (string.into_bytes(), &rest[strings.byte_offset()..])
        };
        let (times, after) = match after.strip_prefix(" * ") {
            Some(count) => {
                let end = count.find(' ').unwrap_or(count.len());
                (count[..end].parse().ok()?, &count[end..])
            }
            None => (1, after),
        };
        bytes.extend(term.repeat(times));
        match after {
            "" => return Some(bytes),
            more => rest = more.strip_prefix(" + ")?,
        }
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let bytes = digits.as_bytes().chunks(2);
    bytes
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[test]
fn terms_are_joined_and_repeated() {
    assert_eq!(
        input(r#""a\u0000" * 2 + x"ff00" + " + ""#).expect("valid"),
        b"a\0a\0\xff\0 + "
    );
    for bad in ["", "a", r#""a" + "#, r#""a" * x"#, r#"x"f" "b""#] {
        assert_eq!(input(bad), None, "{bad}");
    }
}
