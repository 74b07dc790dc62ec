//! `Mailbox/get`, `/changes` and `/query` (RFC 8621 section 2).

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Folder;
use super::counts::Counts;
use super::error::MethodError;
use super::get::Get;
use super::request::{Turn, arguments};
use super::{changes, ids};

const PROPERTIES: [&str; 11] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
    "isSubscribed",
];
const COUNTS: [&str; 4] = [
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
];

/// `Mailbox/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let get: Get = arguments(given)?;
    let counts = turn.account.counts().clone();
    let folders = &turn.account.folders;
    get.answer(
        &PROPERTIES,
        turn.account.logs.mailbox.state(),
        || folders.keys().map(|id| ids::mailbox(*id)).collect(),
        |id| {
            let number = ids::number('P', id)?;
            let counts = counts.get(&number).copied().unwrap_or_default();
            Some(object(number, folders.get(&number)?, counts))
        },
    )
}

fn object(number: u32, folder: &Folder, counts: Counts) -> Value {
    let own = folder.role.is_none();
    json!({
        "id": ids::mailbox(number),
        "name": folder.name,
        "parentId": folder.parent.map(ids::mailbox),
        "role": folder.role,
        "sortOrder": folder.sort_order,
        "totalEmails": counts.emails,
        "unreadEmails": counts.unread_emails,
        "totalThreads": counts.threads,
        "unreadThreads": counts.unread_threads,
        "myRights": {
            "mayReadItems": true, "mayAddItems": true, "mayRemoveItems": true, "maySetSeen": true,
            "maySetKeywords": true, "mayCreateChild": true, "mayRename": own, "mayDelete": own, "maySubmit": true,
        },
        "isSubscribed": folder.subscribed,
    })
}

/// `Mailbox/changes`.
pub(crate) fn changes(
    turn: &mut Turn<'_>,
    given: Map<String, Value>,
) -> Result<Value, MethodError> {
    let (mut value, only_counts) =
        changes::answer(turn, given, &turn.account.logs.mailbox, ids::mailbox)?;
    if let Some(value) = value.as_object_mut() {
        value.insert(
            "updatedProperties".to_owned(),
            if only_counts {
                json!(COUNTS)
            } else {
                Value::Null
            },
        );
    }
    Ok(value)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Query {
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    #[serde(default)]
    position: i64,
    #[serde(default)]
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    calculate_total: bool,
    #[serde(default)]
    sort_as_tree: bool,
    #[serde(default)]
    filter_as_tree: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "accepted; names are compared case-insensitively in any case"
    )]
    collation: Option<String>,
}

const fn yes() -> bool {
    true
}

/// `Mailbox/query`.
pub(crate) fn query(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let query: Query = arguments(given)?;
    if query.sort_as_tree || query.filter_as_tree {
        return Err(MethodError::InvalidArguments(
            "trees are not sorted here".to_owned(),
        ));
    }
    let folders = &turn.account.folders;
    let mut found: Vec<(u32, &Folder)> = Vec::new();
    for (id, folder) in folders {
        if query
            .filter
            .as_ref()
            .map_or(Ok(true), |filter| matches(filter, folder))?
        {
            found.push((*id, folder));
        }
    }
    let sort = query.sort.unwrap_or_default();
    if let Some(bad) = sort
        .iter()
        .find(|c| !["name", "sortOrder", "parentId"].contains(&c.property.as_str()))
    {
        return Err(MethodError::UnsupportedSort(bad.property.clone()));
    }
    found.sort_by(|(a_id, a), (b_id, b)| {
        let by = sort.iter().fold(Ordering::Equal, |so_far, c| {
            let one = match c.property.as_str() {
                "name" => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
                "parentId" => a.parent.cmp(&b.parent),
                _ => a.sort_order.cmp(&b.sort_order),
            };
            so_far.then(if c.is_ascending { one } else { one.reverse() })
        });
        by.then(a_id.cmp(b_id))
    });
    let all: Vec<String> = found.iter().map(|(id, _)| ids::mailbox(*id)).collect();
    let start = super::page::start(
        query.position,
        query.anchor.as_deref(),
        query.anchor_offset,
        all.len(),
        |anchor| all.iter().position(|id| id == anchor),
    )?;
    let page: Vec<&String> = all
        .iter()
        .skip(start)
        .take(query.limit.unwrap_or(usize::MAX))
        .collect();
    let mut value = json!({ "queryState": turn.account.logs.mailbox.state(), "canCalculateChanges": false, "position": start, "ids": page });
    if let (true, Some(value)) = (query.calculate_total, value.as_object_mut()) {
        value.insert("total".to_owned(), all.len().into());
    }
    Ok(value)
}

fn matches(filter: &Value, folder: &Folder) -> Result<bool, MethodError> {
    let object = filter
        .as_object()
        .ok_or_else(|| MethodError::InvalidArguments("a filter is an object".to_owned()))?;
    if let Some(operator) = object.get("operator") {
        let conditions = object
            .get("conditions")
            .and_then(Value::as_array)
            .ok_or_else(|| MethodError::InvalidArguments("conditions are missing".to_owned()))?;
        let results = conditions
            .iter()
            .map(|c| matches(c, folder))
            .collect::<Result<Vec<_>, _>>()?;
        return match operator.as_str() {
            Some("AND") => Ok(results.iter().all(|r| *r)),
            Some("OR") => Ok(results.iter().any(|r| *r)),
            Some("NOT") => Ok(!results.iter().any(|r| *r)),
            _ => Err(MethodError::UnsupportedFilter(
                "unknown operator".to_owned(),
            )),
        };
    }
    let mut all = true;
    for (name, value) in object {
        all &= match (name.as_str(), value) {
            ("parentId", Value::Null) => folder.parent.is_none(),
            ("parentId", Value::String(id)) => folder.parent.map(ids::mailbox).as_ref() == Some(id),
            ("name", Value::String(part)) => {
                folder.name.to_lowercase().contains(&part.to_lowercase())
            }
            ("role", Value::Null) => folder.role.is_none(),
            ("role", Value::String(role)) => folder.role.as_ref() == Some(role),
            ("hasAnyRole", Value::Bool(any)) => folder.role.is_some() == *any,
            ("isSubscribed", Value::Bool(is)) => folder.subscribed == *is,
            _ => return Err(MethodError::UnsupportedFilter(name.clone())),
        };
    }
    Ok(all)
}
