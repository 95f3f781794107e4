"""Tests of check.py: python3 -m unittest discover .ci/prose"""

import unittest

import check


def rules(source):
    return [(finding.line, finding.rule) for finding in check.check_source("file.rs", source)]


def subject(text):
    return [finding.text for finding in check.check_subject("0000000", text)]


class Docs(unittest.TestCase):
    def test_forbidden_openers(self):
        for opener in ["What a", "Whether a", "The same as", "Of all", "It is a", "with a", "Or a"]:
            self.assertEqual(rules(f"/// {opener} draft is\nstruct A;"), [(1, "opener")], opener)

    def test_words_that_begin_like_an_opener(self):
        self.assertEqual(rules("/// Items of the list.\n/// Orders them. Without it, offers none.\nstruct A;"), [])

    def test_only_the_first_line_of_a_block_is_an_opener(self):
        self.assertEqual(rules("/// Returns the draft.\n/// With care.\nfn a() {}\n//! It is.\n"), [(4, "opener")])

    def test_a_gap_begins_another_block(self):
        self.assertEqual(rules("//! Owns this file.\n\n//! It does.\n"), [(3, "opener")])

    def test_short_on_public_items(self):
        for item in ["pub fn a() {}", "pub struct A;", "#[derive(Debug)]\n#[serde(x = \"]\")]\npub enum A {}"]:
            self.assertEqual(rules(f"/// The draft's ID.\n{item}"), [(1, "short")], item)

    def test_short_on_private_items_is_allowed(self):
        for item in ["pub(crate) fn a() {}", "fn a() {}", "struct A { b: u8 }", "enum A { B }"]:
            self.assertEqual(rules(f"/// The ID.\n{item}"), [], item)

    def test_four_words_are_enough(self):
        self.assertEqual(rules("/// The ID of\n/// a draft.\npub struct A;"), [])

    def test_fields_variants_and_trait_items(self):
        self.assertEqual(rules("struct A {\n    /// A field.\n    pub b: u8,\n    /// Another.\n    c: u8,\n}"), [(2, "short")])
        self.assertEqual(rules("pub enum A {\n    /// A variant.\n    B,\n    C {\n        /// A field.\n        d: u8,\n    },\n}"),
                         [(2, "short"), (5, "short")])
        self.assertEqual(rules("pub trait A {\n    /// A method.\n    fn b(&self);\n}"), [(2, "short")])
        self.assertEqual(rules("enum A {\n    /// A variant.\n    B,\n}"), [])

    def test_text_that_looks_like_a_doc_comment(self):
        self.assertEqual(rules('const A: &str = "\n/// What\n";\nconst B: &str = r#"\n"/// What\n"#;\n// What is this?\n//// What'), [])


class Logs(unittest.TestCase):
    def test_long(self):
        self.assertEqual(rules('tracing::warn!(a, "one two three four five six seven eight");'), [])
        self.assertEqual(rules('tracing::warn!(\n    a = %b("x, y"),\n    "one two three four five six seven {eight} \\\n nine",\n    eight = 8\n);'),
                         [(3, "log-long")])

    def test_case(self):
        self.assertEqual(rules('info!("Ready");'), [(1, "log-case")])
        self.assertEqual(rules('error!("ready", "Not");'), [])

    def test_other_macros_and_fields(self):
        self.assertEqual(rules('s3_error!("Access Denied"); log::info!("Ready"); tracing::info!(target: "Audit", kind = "Full", "ready");'), [])


class Subjects(unittest.TestCase):
    def test_good(self):
        for text in ["server: reject half an HTTP/2 preface", "CI, docs: bring the figures up to date", "lib/s3: pass the key",
                     "benches: process one sweep"]:
            self.assertEqual(subject(text), [], text)

    def test_bad(self):
        for text in ["no area", "server: rejects it now", "server: rejected it now", "gate: what bounds a call", "a: b",
                     "a port's answers are one thing: fix it", "server: " + "reject " * 12]:
            self.assertEqual(len(subject(text)), 1, text)


if __name__ == "__main__":
    unittest.main()
