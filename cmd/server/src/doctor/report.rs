//! The table that doctor prints.

use std::fmt;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it should be.
    Ok,
    /// Worth knowing, and nothing that weakens.
    Info,
    /// It works, and does not keep all that is promised.
    Weak,
    /// Something is to be made or set first.
    Missing,
    /// It does not work, or could not be checked.
    Failed,
}

/// One check: what was looked at, what came of it, what that means, and what helps.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) outcome: Outcome,
    check: String,
    meaning: String,
    remedy: Option<String>,
}

impl Line {
    pub(super) fn ok(check: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(Outcome::Ok, check, meaning, None)
    }

    pub(super) fn info(check: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self::new(Outcome::Info, check, meaning, None)
    }

    pub(super) fn weak(check: impl Into<String>, meaning: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Weak, check, meaning, Some(remedy.into()))
    }

    pub(super) fn missing(check: impl Into<String>, meaning: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Missing, check, meaning, Some(remedy.into()))
    }

    pub(super) fn failed(check: impl Into<String>, meaning: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, check, meaning, Some(remedy.into()))
    }

    fn new(outcome: Outcome, check: impl Into<String>, meaning: impl Into<String>, remedy: Option<String>) -> Self {
        Self {
            outcome,
            check: check.into(),
            meaning: meaning.into(),
            remedy,
        }
    }

    /// What helps with something that needs no help.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn weakens(&self) -> bool {
        match self.outcome {
            Outcome::Ok | Outcome::Info => false,
            Outcome::Weak | Outcome::Missing | Outcome::Failed => true,
        }
    }
}

/// Lines, in groups.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(&'static str, Vec<Line>)>);

impl Report {
    pub(super) fn add(&mut self, group: &'static str, lines: Vec<Line>) {
        self.0.push((group, lines));
    }

    /// Whether nothing weakens.
    pub(super) fn is_sound(&self) -> bool {
        self.weakening() == 0
    }

    fn weakening(&self) -> usize {
        let lines = self.0.iter().flat_map(|(_, lines)| lines);
        lines.filter(|line| line.weakens()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, lines) in &self.0 {
            writeln!(f, "\n{group}")?;
            let width = lines.iter().map(|line| line.check.chars().count()).max().unwrap_or(0);
            for line in lines {
                let (check, meaning) = (&line.check, without_signatures(&line.meaning));
                writeln!(f, "  {:<7}  {check:<width$}  {meaning}", line.outcome.as_str())?;
                if let Some(remedy) = &line.remedy {
                    writeln!(f, "           remedy: {remedy}")?;
                }
            }
        }
        match self.weakening() {
            0 => writeln!(f, "\nnothing weakens"),
            1 => writeln!(f, "\n1 line needs a remedy"),
            lines => writeln!(f, "\n{lines} lines need a remedy"),
        }
    }
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Weak => "weak",
            Self::Missing => "missing",
            Self::Failed => "failed",
        }
    }
}

/// Stores may quote what they were asked for.
fn without_signatures(text: &str) -> String {
    let secret = |word: &str| {
        ["X-Amz-", "Signature=", "Credential="]
            .iter()
            .any(|mark| word.contains(mark))
    };
    let words = text.split(' ').map(|word| if secret(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_hold_no_signature() {
        let mut report = Report::default();
        report.add(
            "things",
            vec![
                Line::ok("a", "is there"),
                Line::weak("longer", "403 for /b/k?X-Amz-Signature=00 it said", "change it"),
            ],
        );
        let expected = "\nthings\
                        \n  ok       a       is there\
                        \n  weak     longer  403 for … it said\
                        \n           remedy: change it\
                        \n\n1 line needs a remedy\n";
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_sound());
    }

    #[test]
    fn what_is_only_worth_knowing_weakens_nothing() {
        let mut report = Report::default();
        report.add(
            "things",
            vec![
                Line::ok("a", "is there"),
                Line::info("b", "is not there").with_remedy("make it"),
            ],
        );
        assert!(report.is_sound(), "{report}");
    }
}
