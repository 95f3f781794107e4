//! An evaluator of AWS IAM policies: the default is to deny, and an explicit deny overrides every allow.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use serde_json::Value;

/// An action on an object or a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    pub(crate) action: String,
    pub(crate) resource: String,
}

/// A policy without conditions and principals, as rules with one action and one resource each.
#[derive(Debug, Clone)]
pub(crate) struct Policy(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    denies: bool,
    /// The action and the resource, both with optional asterisks.
    pattern: Right,
    /// The resources that the rule is not for, with optional asterisks.
    except: Vec<String>,
}

impl Policy {
    pub(crate) fn read(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).expect("JSON");
        assert_eq!(document["Version"], "2012-10-17");
        let mut rules = Vec::new();
        for statement in document["Statement"].as_array().expect("statements") {
            let known = ["Sid", "Effect", "Action", "Resource", "NotResource"];
            let fields = statement.as_object().expect("a statement").keys();
            for field in fields {
                assert!(known.contains(&field.as_str()), "{field}: not supported by this test");
            }
            let denies = match statement["Effect"].as_str() {
                Some("Allow") => false,
                Some("Deny") => true,
                other => panic!("{other:?}: unknown effect"),
            };
            for action in all(&statement["Action"]) {
                let (resources, except) = match statement.get("NotResource") {
                    Some(except) => (vec!["*".to_owned()], all(except)),
                    None => (all(&statement["Resource"]), Vec::new()),
                };
                for resource in resources {
                    let pattern = Right {
                        action: action.clone(),
                        resource,
                    };
                    let except = except.clone();
                    rules.push(Rule {
                        denies,
                        pattern,
                        except,
                    });
                }
            }
        }
        Self(rules)
    }

    pub(crate) fn allows(&self, right: &Right) -> bool {
        let mut meant = self.0.iter().filter(|rule| rule.is_for(right)).peekable();
        meant.peek().is_some() && meant.all(|rule| !rule.denies)
    }

    /// Returns the policy that combines both.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// Returns each granted right, with the policy without it.
    pub(crate) fn without_each(&self) -> Vec<(Right, Self)> {
        let granted = self.0.iter().enumerate().filter(|(_, rule)| !rule.denies);
        granted
            .map(|(index, rule)| {
                let mut rest = self.0.clone();
                rest.remove(index);
                (rule.pattern.clone(), Self(rest))
            })
            .collect()
    }
}

impl Rule {
    fn is_for(&self, right: &Right) -> bool {
        let excepted = self.except.iter().any(|except| matches(except, &right.resource));
        self.pattern.matches(right) && !excepted
    }
}

impl Right {
    fn matches(&self, right: &Self) -> bool {
        matches(&self.action, &right.action) && matches(&self.resource, &right.resource)
    }
}

/// Returns whether a text matches a pattern, in which an asterisk stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let mut ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
            ends.any(|end| matches(after, &rest[end..]))
        }),
    }
}

/// Returns the texts of a value that is one text or a list.
fn all(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some(one) => vec![one.to_owned()],
        None => serde_json::from_value(value.clone()).expect("a list of texts"),
    }
}

#[test]
fn deny_overrides_allow_and_the_default_is_deny() {
    let policy = Policy::read(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": "s3:Put*", "Resource": "b/kept/*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "NotResource": ["b/kept/*", "b/other"]},
            {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "b/*"}
        ]}"#,
    );
    for (action, resource, allowed) in [
        ("s3:PutObject", "b/other", true),
        ("s3:PutObject", "b/kept/a", false),
        ("s3:GetObject", "b/kept/a", true),
        ("s3:GetObject", "b/a", false),
        ("s3:GetObjectAcl", "b/kept/a", false),
        ("s3:GetObject", "bb/a", false),
        ("s3:DeleteObject", "b/other", false),
    ] {
        let right = Right {
            action: action.to_owned(),
            resource: resource.to_owned(),
        };
        assert_eq!(policy.allows(&right), allowed, "{right:?}");
    }
}
