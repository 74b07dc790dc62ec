//! `Mailbox/set` (RFC 8621 section 2.5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::{Account, Folder};
use super::email_set::Outcome;
use super::error::{MethodError, SetError};
use super::ids;
use super::journal::Event;
use super::request::{Turn, arguments, check_set};
use super::session::LONGEST_MAILBOX_NAME;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    if_in_state: Option<String>,
    #[serde(default)]
    create: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    destroy: Option<Vec<String>>,
    #[serde(default)]
    on_destroy_remove_emails: bool,
}

/// What a mailbox is to be.
#[derive(Debug, Clone)]
struct Wish {
    name: String,
    parent: Option<u32>,
    role: Option<String>,
    sort_order: u32,
    subscribed: bool,
}

/// `Mailbox/set`.
pub(crate) fn set(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let objects = given.create.as_ref().map_or(0, BTreeMap::len)
        + given.update.as_ref().map_or(0, BTreeMap::len)
        + given.destroy.as_ref().map_or(0, Vec::len);
    check_set(objects)?;
    let old_state = turn.account.logs.mailbox.state();
    if given.if_in_state.is_some_and(|state| state != old_state) {
        return Err(MethodError::StateMismatch);
    }
    let mut out = Outcome::default();
    create_all(turn, given.create.unwrap_or_default(), &mut out)?;
    for (given_id, patch) in given.update.unwrap_or_default() {
        let number = turn.resolve(&given_id).and_then(|id| ids::number('P', id));
        let result = number
            .ok_or_else(|| SetError::new("notFound"))
            .and_then(|n| update(turn, n, &patch));
        match result {
            Ok(event) => {
                turn.commit(vec![event])?;
                out.updated.insert(given_id, Value::Null);
            }
            Err(error) => {
                out.not_updated.insert(given_id, error.to_json());
            }
        }
    }
    for given_id in given.destroy.unwrap_or_default() {
        let id = turn.resolve(&given_id).unwrap_or_default().to_owned();
        match destroy(turn, &id, given.on_destroy_remove_emails) {
            Ok(events) => {
                turn.commit(events)?;
                out.destroyed.push(id.into());
            }
            Err(error) => {
                out.not_destroyed.insert(given_id, error.to_json());
            }
        }
    }
    Ok(out.into_json(&old_state, &turn.account.logs.mailbox.state()))
}

/// Creates in an order in which parents come before children.
fn create_all(
    turn: &mut Turn<'_>,
    create: BTreeMap<String, Map<String, Value>>,
    out: &mut Outcome,
) -> Result<(), MethodError> {
    let mut waiting: Vec<(String, Map<String, Value>)> = create.into_iter().collect();
    loop {
        let before = waiting.len();
        let mut later = Vec::new();
        for (creation, object) in waiting {
            let parent = object.get("parentId").and_then(Value::as_str);
            if parent.is_some_and(|p| p.starts_with('#') && turn.resolve(p).is_none()) {
                later.push((creation, object));
                continue;
            }
            match create_one(turn, &object) {
                Ok((number, event)) => {
                    turn.commit(vec![event])?;
                    turn.created.insert(creation.clone(), ids::mailbox(number));
                    let subscribed = turn
                        .account
                        .folders
                        .get(&number)
                        .is_some_and(|f| f.subscribed);
                    out.created.insert(creation, json!({ "id": ids::mailbox(number), "totalEmails": 0, "unreadEmails": 0, "totalThreads": 0, "unreadThreads": 0, "isSubscribed": subscribed }));
                }
                Err(error) => {
                    out.not_created.insert(creation, error.to_json());
                }
            }
        }
        waiting = later;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for (creation, _) in waiting {
        out.not_created
            .insert(creation, SetError::properties(&["parentId"]).to_json());
    }
    Ok(())
}

fn create_one(turn: &Turn<'_>, object: &Map<String, Value>) -> Result<(u32, Event), SetError> {
    let number = turn
        .account
        .next_folder()
        .ok_or_else(|| SetError::new("overQuota"))?;
    if !object.contains_key("name") {
        return Err(SetError::properties(&["name"]));
    }
    let wish = Wish {
        name: String::new(),
        parent: None,
        role: None,
        sort_order: 0,
        subscribed: true,
    };
    let wish = apply(turn, wish, object)?;
    check(turn, number, &wish)?;
    Ok((number, put(number, wish)))
}

fn update(turn: &Turn<'_>, number: u32, patch: &Map<String, Value>) -> Result<Event, SetError> {
    let folder: &Folder = turn
        .account
        .folders
        .get(&number)
        .ok_or_else(|| SetError::new("notFound"))?;
    if folder.role.is_some()
        && patch
            .keys()
            .any(|p| ["name", "parentId", "role"].contains(&p.as_str()))
    {
        return Err(
            SetError::new("forbidden").because("it has a role and keeps its name and place")
        );
    }
    let wish = Wish {
        name: folder.name.clone(),
        parent: folder.parent,
        role: folder.role.clone(),
        sort_order: folder.sort_order,
        subscribed: folder.subscribed,
    };
    let wish = apply(turn, wish, patch)?;
    check(turn, number, &wish)?;
    Ok(put(number, wish))
}

fn put(id: u32, wish: Wish) -> Event {
    Event::MailboxPut {
        id,
        name: wish.name,
        parent: wish.parent,
        role: wish.role,
        sort_order: wish.sort_order,
        subscribed: wish.subscribed,
    }
}

fn apply(turn: &Turn<'_>, mut wish: Wish, object: &Map<String, Value>) -> Result<Wish, SetError> {
    for (property, value) in object {
        let wrong = || SetError::properties(&[property]);
        match (property.as_str(), value) {
            ("name", Value::String(name)) => wish.name.clone_from(name),
            ("parentId", Value::Null) => wish.parent = None,
            ("parentId", Value::String(id)) => {
                let number = turn
                    .resolve(id)
                    .and_then(|id| ids::number('P', id))
                    .filter(|n| turn.account.folders.contains_key(n));
                wish.parent = Some(number.ok_or_else(wrong)?);
            }
            ("role", Value::Null) => wish.role = None,
            ("sortOrder", value) => {
                wish.sort_order = value
                    .as_u64()
                    .and_then(|n| u32::try_from(n).ok())
                    .ok_or_else(wrong)?
            }
            ("isSubscribed", Value::Bool(is)) => wish.subscribed = *is,
            _ => return Err(wrong()),
        }
    }
    Ok(wish)
}

fn check(turn: &Turn<'_>, number: u32, wish: &Wish) -> Result<(), SetError> {
    let folders = &turn.account.folders;
    if wish.name.trim().is_empty()
        || wish.name.len() > LONGEST_MAILBOX_NAME
        || wish.name.chars().any(char::is_control)
    {
        return Err(SetError::properties(&["name"]));
    }
    let twin = folders
        .iter()
        .find(|(id, f)| **id != number && f.parent == wish.parent && f.name == wish.name);
    if let Some((id, _)) = twin {
        return Err(SetError::new("alreadyExists").with("existingId", ids::mailbox(*id).into()));
    }
    let mut at = wish.parent;
    for _ in 0..10 {
        match at {
            None => return Ok(()),
            Some(id) if id == number => break,
            Some(id) => at = folders.get(&id).and_then(|f| f.parent),
        }
    }
    Err(SetError::properties(&["parentId"]).because("too deep, or inside itself"))
}

fn destroy(turn: &Turn<'_>, id: &str, remove_emails: bool) -> Result<Vec<Event>, SetError> {
    let account = &turn.account;
    let found = ids::number('P', id).and_then(|n| Some((n, account.folders.get(&n)?)));
    let (number, folder) = found.ok_or_else(|| SetError::new("notFound"))?;
    if folder.role.is_some() {
        return Err(SetError::new("forbidden"));
    }
    if account.folders.values().any(|f| f.parent == Some(number)) {
        return Err(SetError::new("mailboxHasChild"));
    }
    let bit = folder.bit();
    let is_inside = |n: &u32| account.record(*n).is_some_and(|r| r.mailboxes & bit != 0);
    if !remove_emails && account.order().iter().any(is_inside) {
        return Err(SetError::new("mailboxHasEmail"));
    }
    Ok(removal(account, number))
}

/// What removes a mailbox: messages that lie in it alone go with it.
pub(super) fn removal(account: &Account, number: u32) -> Vec<Event> {
    let bit = account.folders.get(&number).map_or(0, Folder::bit);
    let mut events: Vec<Event> = account
        .order()
        .iter()
        .filter_map(|n| Some((*n, account.record(*n)?)))
        .filter(|(_, record)| record.mailboxes & bit != 0)
        .map(|(email, record)| {
            let others: Vec<u32> = account.folders_of(record.mailboxes & !bit).collect();
            if others.is_empty() {
                Event::Destroyed { email }
            } else {
                Event::Changed {
                    email,
                    mailboxes: others,
                    keywords: account
                        .keyword_names(record.keywords)
                        .map(str::to_owned)
                        .collect(),
                }
            }
        })
        .collect();
    events.push(Event::MailboxRemoved { id: number });
    events
}
