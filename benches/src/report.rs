//! What a benchmark says at its end, in words and in JSON, from which the documentation's table and plot are made.
//!
//! The scripts beside this crate write the same, by `harness/report.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::Context as _;
use serde::Serialize;

use crate::Figures;

/// The results of one benchmark.
#[derive(Debug, Serialize)]
pub struct Report {
    bench: String,
    command: String,
    date: String,
    machine: String,
    cases: Vec<Case>,
}

#[derive(Debug, Serialize)]
struct Case {
    what: String,
    unit: String,
    less_is_better: bool,
    subject: String,
    figures: BTreeMap<String, Vec<f64>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    goals: BTreeMap<String, f64>,
}

impl Report {
    /// `name` is that of the bench target.
    ///
    /// # Errors
    /// When the system does not say what it runs on.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            bench: name.to_owned(),
            command: format!("cargo bench -p draftstore-benches --bench {name}"),
            date: jiff::Timestamp::now().strftime("%F").to_string(),
            machine: machine()?,
            cases: Vec::new(),
        })
    }

    /// The subject beside all others that were measured with it. Each goal is the least speed, as a multiple of a
    /// reference's.
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
                .map(|least| format!("; at least {least} is wanted"));
            println!(
                "  {subject} is {speed:.2} times as fast as {reference} ({lowest:.2} to {highest:.2}{})",
                goal.unwrap_or_default(),
            );
        }
        let rounds = figures.rounds.iter();
        self.cases.push(Case {
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

    /// To the file after `--json` among the arguments, if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        let mut arguments = std::env::args().skip_while(|argument| argument != "--json");
        if arguments.next().is_none() {
            return Ok(());
        }
        let path = PathBuf::from(arguments.next().context("--json FILE")?);
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n").with_context(|| path.display().to_string())
    }
}

/// To five digits: there is no more in a figure of time.
fn rounded(figure: f64) -> f64 {
    format!("{figure:.4e}").parse().unwrap_or(figure)
}

/// What figures were measured on, in words.
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
