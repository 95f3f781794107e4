//! The report of a benchmark, as text and as JSON, from which the tables and plots of the documentation are generated.
//!
//! The scripts in this directory write the same JSON with `harness/report.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::Context as _;
use serde::Serialize;

use crate::Figures;

/// The report of one benchmark.
#[derive(Debug, Serialize)]
pub struct BenchReport {
    bench: String,
    command: String,
    date: String,
    machine: String,
    cases: Vec<ReportCase>,
}

#[derive(Debug, Serialize)]
struct ReportCase {
    what: String,
    unit: String,
    less_is_better: bool,
    subject: String,
    figures: BTreeMap<String, Vec<f64>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    goals: BTreeMap<String, f64>,
}

impl BenchReport {
    /// Creates an empty report for the bench target `name`.
    ///
    /// # Errors
    /// Returns an error if the system does not describe its processor and kernel.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            bench: name.to_owned(),
            command: format!("cargo bench -p draftstore-benches --bench {name}"),
            date: jiff::Timestamp::now().strftime("%F").to_string(),
            machine: machine()?,
            cases: Vec::new(),
        })
    }

    /// Prints and adds a comparison of the subject with all references. Each goal is the minimum speed of the subject, as
    /// a multiple of a reference's.
    pub fn compare(&mut self, what: &str, figures: &Figures, subject: &str, unit: &str, goals: &[(&str, f64)]) {
        let goals: BTreeMap<_, _> = goals.iter().map(|(name, least)| ((*name).to_owned(), *least)).collect();
        println!("{what}, median of {} rounds in turn:", figures.rounds[subject].len());
        for name in figures.rounds.keys() {
            println!("  {name}: {:.4e} {unit}", figures.median(name));
        }
        for reference in figures.rounds.keys().filter(|name| *name != subject) {
            let (speed, lowest, highest) = figures.speed(subject, reference);
            let goal = goals
                .get(reference)
                .map(|least| format!("; the goal is at least {least}"));
            println!(
                "  {subject} is {speed:.2} times as fast as {reference} ({lowest:.2} to {highest:.2}{})",
                goal.unwrap_or_default(),
            );
        }
        let rounds = figures.rounds.iter();
        self.cases.push(ReportCase {
            what: what.to_owned(),
            unit: unit.to_owned(),
            less_is_better: figures.less_is_better,
            subject: subject.to_owned(),
            figures: rounds
                .map(|(name, figures)| (name.clone(), figures.iter().copied().map(rounded).collect()))
                .collect(),
            goals,
        });
    }

    /// Writes the report to the file after the argument `--json`, if it is given.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        let mut arguments = std::env::args().skip_while(|argument| argument != "--json");
        if arguments.next().is_none() {
            return Ok(());
        }
        let path = PathBuf::from(arguments.next().context("--json FILE")?);
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n").with_context(|| path.display().to_string())
    }
}

/// Rounds to five digits, which is all the precision of a time.
fn rounded(figure: f64) -> f64 {
    format!("{figure:.4e}").parse().unwrap_or(figure)
}

/// Describes the machine: processor, cores and kernel.
fn machine() -> anyhow::Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or(std::env::consts::ARCH, |model| {
        model.trim_start_matches(['\t', ' ', ':'])
    });
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = release.trim().split('-').next().unwrap_or_default();
    Ok(format!("{model}, {} cores, Linux {release}", available_parallelism()?))
}
