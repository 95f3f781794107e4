//! The check of the features that storage options need. None of them has to be there: the server refuses options by name.

use draftstore_storage::{BucketName, Feature, Features, MainBucket};

use super::report::Line;
use super::said;
use super::subject::Subject;

pub(super) async fn check(subject: &Subject) -> Vec<Line> {
    let mut lines = of_bucket(subject, None, &subject.buckets.main).await;
    for bucket in &subject.buckets.destinations {
        lines.extend(of_bucket(subject, Some(bucket.name()), bucket).await);
    }
    lines
}

async fn of_bucket(subject: &Subject, label: Option<&BucketName>, bucket: &MainBucket) -> Vec<Line> {
    let prefix = subject.key("features");
    let features = subject.storage.features(&subject.buckets.draft, bucket, &prefix);
    match features.await {
        Ok(features) => Feature::ALL
            .into_iter()
            .map(|feature| line(label, feature, features))
            .collect(),
        Err(error) => vec![
            Line::info(
                "every option",
                format!("cannot be tried, so the server refuses them: {}", said(&error)),
            )
            .with_remedy("allow what manifest/iam/server-options.json allows, if callers set storage_options"),
        ],
    }
}

fn line(label: Option<&BucketName>, feature: Feature, features: Features) -> Line {
    let check = label.map_or_else(|| feature.to_string(), |bucket| format!("{bucket}: {feature}"));
    if features.has(feature) {
        return Line::ok(check, "works");
    }
    let (options, remedy) = match feature {
        Feature::Tags => ("tags", None),
        Feature::StorageClasses => ("storage_class", None),
        Feature::ObjectLock => (
            "retention and legal_hold",
            Some("if you need them, enable object lock of the bucket, on a store whose copies keep locks"),
        ),
        Feature::Encryption => ("encryption", None),
    };
    let line = Line::info(check, format!("is not there: requests with {options} are refused"));
    match remedy {
        Some(remedy) => line.with_remedy(remedy),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn lacking_features_are_said_and_are_no_problem() {
        for feature in Feature::ALL {
            let only = Features::default().with(feature, true);
            let ok = |other| line(None, other, only).outcome == Outcome::Ok;
            assert!(Feature::ALL.into_iter().all(|other| ok(other) == (other == feature)));
        }
    }
}
