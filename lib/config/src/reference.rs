//! The description of settings, for `--help` and for the reference page.

use std::fmt::Write as _;

use crate::{Section, Setting};

/// The settings that a program reads.
#[derive(Debug, Clone, Copy)]
pub struct ProgramSettings {
    /// The name of the program.
    pub name: &'static str,
    /// The sections of its settings.
    pub sections: &'static [Section],
}

impl ProgramSettings {
    /// Returns the settings of the program.
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.sections.iter().flat_map(|section| section.settings)
    }
}

/// Returns the part of `--help` that describes the environment.
pub fn help(program: ProgramSettings) -> String {
    let mut text = "Environment:\n".to_owned();
    for setting in program.settings() {
        let Setting { name, default, meaning } = setting;
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name}\n      {meaning} [{default}]");
    }
    text
}

/// Returns the tables of the reference page, in Markdown: one for each title, in the order in which the programs list them.
pub fn reference(programs: &[ProgramSettings]) -> String {
    let sections = || programs.iter().flat_map(|program| program.sections);
    let mut page = String::new();
    let mut titles: Vec<&str> = Vec::new();
    for title in sections().map(|section| section.title) {
        if titles.contains(&title) {
            continue;
        }
        titles.push(title);
        let _ = write!(
            page,
            "\n## {title}\n\n| variable | default | meaning | read by |\n|---|---|---|---|\n"
        );
        let mut listed: Vec<&Setting> = Vec::new();
        for section in sections().filter(|section| section.title == title) {
            for setting in section.settings {
                if !listed.contains(&setting) {
                    listed.push(setting);
                    page.push_str(&row(setting, programs));
                }
            }
        }
    }
    page
}

fn row(setting: &Setting, programs: &[ProgramSettings]) -> String {
    let Setting { name, default, meaning } = setting;
    let readers: Vec<_> = programs
        .iter()
        .filter(|program| program.settings().any(|read| read.name == *name))
        .map(|program| program.name)
        .collect();
    format!("| `{name}` | {default} | {meaning} | {} |\n", readers.join(", "))
}
