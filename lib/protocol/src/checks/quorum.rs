//! The result of several scanners, of which a quorum must accept.

use super::machine::Scan;

/// Returns the result of a scan by several scanners, each with its own result.
///
/// - It is clean as soon as `needed` of them accept, and at least one.
/// - It is rejected as soon as so few can still accept that `needed` cannot be reached.
/// - Otherwise it is pending: a scanner that is silent neither accepts nor rejects.
pub fn quorum(needed: usize, scans: &[Scan]) -> Scan {
    let needed = needed.max(1);
    let count = |wanted: &Scan| scans.iter().filter(|scan| *scan == wanted).count();
    let (accepting, pending) = (count(&Scan::Clean), count(&Scan::Pending));
    if accepting >= needed {
        return Scan::Clean;
    }
    if accepting + pending >= needed {
        return Scan::Pending;
    }
    let reasons = scans.iter().filter_map(|scan| match scan {
        Scan::Rejected(reasons) => Some(reasons.clone()),
        Scan::Clean | Scan::Pending => None,
    });
    Scan::Rejected(reasons.flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    fn rejected(names: &[&str]) -> Scan {
        let reason = |name: &&str| Reason {
            check: "webhook".to_owned(),
            code: "BAD".to_owned(),
            detail: (*name).to_owned(),
        };
        Scan::Rejected(names.iter().map(reason).collect())
    }

    #[test]
    fn as_many_scanners_as_are_needed_must_accept() {
        use Scan::{Clean, Pending};
        let (a, b) = (|| rejected(&["a"]), || rejected(&["b"]));
        for (needed, scans, result) in [
            (1, vec![Clean], Clean),
            (1, vec![Pending], Pending),
            (1, vec![a()], a()),
            (2, vec![Clean, Clean], Clean),
            (2, vec![Clean, Pending], Pending),
            (2, vec![Clean, b()], b()),
            (2, vec![Pending, b()], b()),
            (2, vec![Clean, Clean, Pending], Clean),
            (2, vec![Clean, b(), Pending], Pending),
            (2, vec![a(), b(), Pending], rejected(&["a", "b"])),
            (1, vec![a(), Pending], Pending),
            (1, vec![a(), b()], rejected(&["a", "b"])),
            (0, vec![Pending], Pending),
            (0, vec![], rejected(&[])),
            (2, vec![Clean], rejected(&[])),
        ] {
            assert_eq!(quorum(needed, &scans), result, "{needed} of {scans:?}");
        }
    }
}
