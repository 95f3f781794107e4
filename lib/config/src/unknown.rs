//! Detection of misspelt variables.

use std::collections::BTreeSet;

use strsim::osa_distance;

use crate::{Environment, ProgramSettings};

/// The prefixes of variables that other software defines and reads.
const FOREIGN: [&str; 4] = ["AWS_", "GRPC_", "OTEL_", "RUST_"];

/// A variable that no program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVariable {
    /// The name of the variable.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: String,
}

impl Environment {
    /// Returns the variables that no program reads, but whose name is one edit away from a known name or begins as several
    /// known names do. The known names are those of the program and those on the reference page, which lists the settings of
    /// every program.
    ///
    /// Variables that Kubernetes sets for a service (`S3_PORT=tcp://…`, `S3_SERVICE_HOST`, …) are left out.
    pub fn unknown(&self, program: ProgramSettings, reference: &str) -> Vec<UnknownVariable> {
        let documented = reference.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
            Some(name)
        });
        let known: BTreeSet<&str> = program
            .settings()
            .map(|setting| setting.name)
            .chain(documented)
            .collect();
        let prefixes = prefixes(&known);
        let unknown = self.pairs().iter().filter_map(|(name, value)| {
            let upper = name.to_ascii_uppercase();
            if known.contains(upper.as_str()) || is_of_service(&upper, value) {
                return None;
            }
            // The first word, such as S3, says more than the number of edits.
            let first_word = upper.split('_').next();
            let nearest = known
                .iter()
                .min_by_key(|known| (known.split('_').next() != first_word, osa_distance(known, &upper)))?;
            let has_prefix = prefixes.iter().any(|prefix| upper.starts_with(prefix));
            (has_prefix || osa_distance(nearest, &upper) == 1).then(|| UnknownVariable {
                name: name.clone(),
                nearest: (*nearest).to_owned(),
            })
        });
        unknown.collect()
    }
}

/// The first words that two or more known names share, each with its underscore.
fn prefixes<'a>(known: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let first_word = |name: &&'a str| name.find('_').map(|end| &name[..=end]);
    let words: Vec<_> = known.iter().filter_map(first_word).collect();
    // The names are sorted, so equal words are neighbours.
    let shared = words.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    shared.filter(|word| !FOREIGN.contains(word)).collect()
}

/// Returns true for a variable that Kubernetes sets in every pod for a service of the namespace.
fn is_of_service(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_port = name
        .split_once("_PORT_")
        .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_address || is_port || name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Section, Setting};

    const fn setting(name: &'static str) -> Setting {
        Setting {
            name,
            default: "",
            meaning: "",
        }
    }

    const PROGRAM: ProgramSettings = ProgramSettings {
        name: "server",
        sections: &[Section {
            title: "All",
            settings: &[
                setting("S3_ENDPOINT"),
                setting("S3_PATH_STYLE"),
                setting("AWS_ENDPOINT_URL"),
                setting("GRPC_PORT"),
                setting("GRPC_REFLECTION"),
                setting("HTTP_PORT"),
                setting("AUTH"),
                setting("AWS_REGION"),
                setting("AWS_PROFILE"),
                setting("RUST_LOG"),
                setting("SWEEP_SHARD"),
            ],
        }],
    };

    const REFERENCE: &str = "| variable | default |\n|---|---|\n| `SWEEP_SHARD` | … |\n| `SWEEP_SHARDS` | … |\n";

    fn unknown(name: &str, value: &str) -> Option<String> {
        let unknown = Environment::from_pairs([(name, value)]).unknown(PROGRAM, REFERENCE);
        unknown.into_iter().next().map(|unknown| unknown.nearest)
    }

    #[test]
    fn names_one_edit_away_and_names_with_a_shared_prefix_are_unknown() {
        for (name, nearest) in [
            ("S3_ENDPONT", "S3_ENDPOINT"),
            ("S3_ENDPOINTS", "S3_ENDPOINT"),
            ("S3_ENDPOINT_URL", "S3_ENDPOINT"),
            ("S3_PATHSTYLE", "S3_PATH_STYLE"),
            ("SWEEP_SHRAD", "SWEEP_SHARD"),
            ("SWEEP_MAX", "SWEEP_SHARD"),
            ("AUHT", "AUTH"),
            ("HTTPS_PORT", "HTTP_PORT"),
            ("AWS_REGIN", "AWS_REGION"),
        ] {
            assert_eq!(unknown(name, "x").as_deref(), Some(nearest), "{name}");
        }
    }

    #[test]
    fn names_of_our_programs_and_of_other_software_are_not_reported() {
        for name in [
            "S3_ENDPOINT",
            "s3_endpoint",
            "SWEEP_SHARDS",
            "PATH",
            "HOME",
            "LANG",
            "HOSTNAME",
            "HTTP_PROXY",
            "http_proxy",
            "AWS_DEFAULT_REGION",
            "AWS_EC2_METADATA_DISABLED",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
            "RUST_BACKTRACE",
            "KUBERNETES_SERVICE_HOST",
            "DRAFTSTORE_SERVER_PORT_8080_TCP",
        ] {
            assert_eq!(unknown(name, "x"), None, "{name}");
        }
    }

    #[test]
    fn variables_of_a_service_with_our_prefix_are_not_reported() {
        for (name, value) in [
            ("S3_SERVICE_HOST", "10.0.0.1"),
            ("S3_SERVICE_PORT", "9000"),
            ("S3_SERVICE_PORT_HTTP", "9000"),
            ("S3_PORT", "tcp://10.0.0.1:9000"),
            ("S3_PORT_9000_TCP", "tcp://10.0.0.1:9000"),
            ("S3_PORT_9000_TCP_ADDR", "10.0.0.1"),
        ] {
            assert_eq!(unknown(name, value), None, "{name}");
        }
    }
}
