//! Result references (RFC 8620 section 3.7): an argument taken from an earlier answer.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::MethodError;

/// One answer of a request: name, arguments, call id.
pub(crate) type Invocation = (String, Value, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    result_of: String,
    name: String,
    path: String,
}

/// The arguments with every `#name` replaced by what it points at.
pub(crate) fn resolve(
    arguments: Map<String, Value>,
    answers: &[Invocation],
) -> Result<Map<String, Value>, MethodError> {
    let mut out = Map::new();
    for (key, value) in arguments {
        let Some(name) = key.strip_prefix('#') else {
            if out.insert(key.clone(), value).is_some() {
                return Err(MethodError::InvalidArguments(format!(
                    "{key} is given twice"
                )));
            }
            continue;
        };
        let wrong = |why: &str| MethodError::InvalidResultReference(format!("{key}: {why}"));
        let reference: Reference =
            serde_json::from_value(value).map_err(|_| wrong("not a reference"))?;
        let (found, result, _) = answers
            .iter()
            .find(|(_, _, id)| *id == reference.result_of)
            .ok_or_else(|| wrong("no answer with that id"))?;
        if *found != reference.name {
            return Err(wrong("that call had another answer"));
        }
        let value = walk(result, &reference.path).ok_or_else(|| wrong("the path leads nowhere"))?;
        if out.insert(name.to_owned(), value).is_some() {
            return Err(MethodError::InvalidArguments(format!(
                "{name} is given twice"
            )));
        }
    }
    Ok(out)
}

/// A JSON pointer (RFC 6901) in which `*` stands for every entry of an array.
fn walk(value: &Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(value.clone());
    }
    let path = path.strip_prefix('/')?;
    let (step, rest) = match path.find('/') {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    match value {
        Value::Array(entries) if step == "*" => {
            let mut out = Vec::new();
            for entry in entries {
                match walk(entry, rest)? {
                    Value::Array(inner) => out.extend(inner),
                    other => out.push(other),
                }
            }
            Some(Value::Array(out))
        }
        Value::Array(entries) => walk(entries.get(step.parse::<usize>().ok()?)?, rest),
        Value::Object(members) => walk(
            members.get(&step.replace("~1", "/").replace("~0", "~"))?,
            rest,
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolved(arguments: Value, answers: &[Invocation]) -> Result<Value, MethodError> {
        let Value::Object(arguments) = arguments else {
            unreachable!()
        };
        resolve(arguments, answers).map(Value::Object)
    }

    fn answers() -> Vec<Invocation> {
        vec![(
            "Email/get".to_owned(),
            json!({ "list": [{ "threadId": "T1", "ids": ["a"] }, { "threadId": "T2", "ids": ["b", "c"] }], "a/b": 1 }),
            "0".to_owned(),
        )]
    }

    #[test]
    fn a_star_takes_every_entry_and_flattens() {
        let reference =
            |path: &str| json!({ "#ids": { "resultOf": "0", "name": "Email/get", "path": path } });
        assert_eq!(
            resolved(reference("/list/*/threadId"), &answers()),
            Ok(json!({ "ids": ["T1", "T2"] }))
        );
        assert_eq!(
            resolved(reference("/list/*/ids"), &answers()),
            Ok(json!({ "ids": ["a", "b", "c"] }))
        );
        assert_eq!(
            resolved(reference("/list/1/threadId"), &answers()),
            Ok(json!({ "ids": "T2" }))
        );
        assert_eq!(
            resolved(reference("/a~1b"), &answers()),
            Ok(json!({ "ids": 1 }))
        );
    }

    #[test]
    fn references_that_lead_nowhere_are_refused() {
        for reference in [
            json!({ "resultOf": "1", "name": "Email/get", "path": "/list" }),
            json!({ "resultOf": "0", "name": "Email/query", "path": "/list" }),
            json!({ "resultOf": "0", "name": "Email/get", "path": "/nothing" }),
            json!({ "resultOf": "0", "name": "Email/get", "path": "list" }),
            json!({ "resultOf": "0", "name": "Email/get" }),
        ] {
            assert!(matches!(
                resolved(json!({ "#ids": reference }), &answers()),
                Err(MethodError::InvalidResultReference(_))
            ));
        }
    }

    #[test]
    fn an_argument_cannot_be_given_and_referred_to() {
        let both =
            json!({ "ids": [], "#ids": { "resultOf": "0", "name": "Email/get", "path": "/list" } });
        assert!(matches!(
            resolved(both, &answers()),
            Err(MethodError::InvalidArguments(_))
        ));
    }
}
