//! The report that doctor prints.

use std::fmt;

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No problem.
    Ok,
    /// A hint that is not a problem.
    Info,
    /// A store that works, but does not give every guarantee.
    Weak,
    /// A bucket or setting that must be created first.
    Missing,
    /// A check that failed, or could not run.
    Failed,
}

/// A line of the report: the check, its outcome, the meaning, and a remedy.
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

    /// Adds an optional remedy to a hint.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn is_problem(&self) -> bool {
        match self.outcome {
            Outcome::Ok | Outcome::Info => false,
            Outcome::Weak | Outcome::Missing | Outcome::Failed => true,
        }
    }
}

/// The lines of a report, in groups.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(&'static str, Vec<Line>)>);

impl Report {
    pub(super) fn add(&mut self, group: &'static str, lines: Vec<Line>) {
        self.0.push((group, lines));
    }

    /// Returns true if there are no problems.
    pub(super) fn is_sound(&self) -> bool {
        self.problems() == 0
    }

    fn problems(&self) -> usize {
        let lines = self.0.iter().flat_map(|(_, lines)| lines);
        lines.filter(|line| line.is_problem()).count()
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
        match self.problems() {
            0 => writeln!(f, "\nno problems found"),
            1 => writeln!(f, "\n1 problem found"),
            problems => writeln!(f, "\n{problems} problems found"),
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

/// Redacts signatures, because stores may quote the request in an error.
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
    fn lines_are_aligned_and_signatures_redacted() {
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
                        \n\n1 problem found\n";
        assert_eq!(report.to_string(), expected);
        assert!(!report.is_sound());
    }

    #[test]
    fn hints_are_not_problems() {
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
