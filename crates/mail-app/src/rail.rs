//! The rail: groups, order, pictures.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_model::{AccountId, GroupId};
use mail_store::{AccountGroup, AccountRecord, StoreError};

use crate::account::OpenAccount;
use crate::app::App;
use crate::contract::{
    AccountRequest, AccountView, CreateGroupRequest, Empty, ErrorCode, GroupRequest, GroupView,
    ReorderRequest, SealedView, UiError, UpdateGroupRequest,
};
use crate::frames::Tile;

/// Longest name of a group, in characters.
const LONGEST_NAME: usize = 40;
/// Most octets of a tile's picture.
const LARGEST_PICTURE: u64 = 1 << 20;
/// File name endings that are asked for. What counts is the content.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// What a picture is, by its content.
const KINDS: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
/// The setting an account keeps its picture in: encrypted with the rest, gone with the rest.
const PICTURE: &str = "picture";

/// What the rail shows besides accounts.
#[derive(Clone, Default)]
pub(crate) struct Rail {
    groups: Vec<AccountGroup>,
    pub(crate) sealed: Vec<SealedView>,
}

impl Rail {
    /// The groups with what is unread in their accounts' inboxes.
    pub(crate) fn group_views(&self, accounts: &[AccountView]) -> Vec<GroupView> {
        let groups = self.groups.iter().map(|group| GroupView {
            id: group.id.to_string(),
            name: group.name.clone(),
            unread: accounts
                .iter()
                .filter(|account| account.group.as_deref() == Some(group.id.as_str()))
                .map(|account| account.unread)
                .sum(),
        });
        groups.collect()
    }
}

impl App {
    /// Reads groups and sealed copies anew and tells the feeds.
    pub(crate) async fn refresh_rail(&self) -> Result<(), StoreError> {
        let groups = self.0.registry.groups().await?;
        let sealed = self.sealed_records().await?;
        let sealed = sealed
            .iter()
            .filter_map(|it| self.sealed_view(it))
            .collect();
        self.0.accounts.set_rail(Rail { groups, sealed });
        Ok(())
    }

    async fn group(&self, id: &str) -> Result<AccountGroup, UiError> {
        let groups = self.0.registry.groups().await?;
        let mut groups = groups.into_iter();
        groups
            .find(|group| group.id.as_str() == id)
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))
    }

    pub(crate) async fn create_group(
        &self,
        request: CreateGroupRequest,
    ) -> Result<GroupRequest, UiError> {
        let _turn = self.one_change().await;
        let id = GroupId::new(uuid::Uuid::new_v4().to_string()).map_err(UiError::bug)?;
        let groups = self.0.registry.groups().await?;
        let last = groups.iter().map(|group| group.position).max();
        let group = AccountGroup {
            id: id.clone(),
            name: group_name(&request.name)?,
            position: last.map_or(0, |last| last + 1),
        };
        self.write_group(group, &request.accounts).await?;
        Ok(GroupRequest {
            group: id.to_string(),
        })
    }

    pub(crate) async fn update_group(&self, request: UpdateGroupRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let mut group = self.group(&request.group).await?;
        group.name = group_name(&request.name)?;
        self.write_group(group, &request.accounts).await?;
        Ok(Empty {})
    }

    /// Every account is known before anything is written.
    async fn write_group(&self, group: AccountGroup, members: &[String]) -> Result<(), UiError> {
        for member in members {
            self.account(member)?;
        }
        self.0.registry.save_group(group.clone()).await?;
        for account in self.0.accounts.all() {
            let mut record = account.record();
            let belongs = members.iter().any(|member| member == account.id.as_str());
            let is_in = record.group.as_ref() == Some(&group.id);
            if belongs == is_in {
                continue;
            }
            record.group = belongs.then(|| group.id.clone());
            self.0.registry.update(record.clone()).await?;
            account.set_record(record);
        }
        self.refresh_rail().await?;
        self.0.accounts.members_changed();
        Ok(())
    }

    pub(crate) async fn delete_group(&self, request: GroupRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let group = self.group(&request.group).await?;
        self.0.registry.delete_group(&group.id).await?;
        for account in self.0.accounts.all() {
            let mut record = account.record();
            if record.group.as_ref() == Some(&group.id) {
                record.group = None;
                account.set_record(record);
            }
        }
        self.refresh_rail().await?;
        self.0.accounts.members_changed();
        Ok(Empty {})
    }

    /// Takes an order only if it names everything: a page that has missed a change would lose
    /// what it does not know.
    pub(crate) async fn reorder_rail(&self, request: ReorderRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let groups = self.0.registry.groups().await?;
        let groups = groups.iter().map(|group| group.id.as_str());
        let all = self.0.accounts.all();
        let accounts = all.iter().map(|account| account.id.as_str());
        if !same(groups, &request.groups) || !same(accounts, &request.accounts) {
            return Err(UiError::new(ErrorCode::NotFound));
        }
        let groups = ids(request.groups, GroupId::new)?;
        let accounts = ids(request.accounts, AccountId::new)?;
        self.0.registry.reorder_groups(&groups).await?;
        self.0.registry.reorder(&accounts).await?;
        for (place, id) in accounts.iter().enumerate() {
            if let Some(account) = all.iter().find(|account| account.id == *id) {
                let mut record = account.record();
                record.position = u32::try_from(place).unwrap_or(u32::MAX);
                account.set_record(record);
            }
        }
        self.0.accounts.sort();
        self.refresh_rail().await?;
        Ok(Empty {})
    }

    /// Asks the person for a picture and puts it on an account's tile. It is kept with the
    /// account's own encrypted files.
    pub(crate) async fn choose_picture(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let account = self.account(&request.account)?;
        let asked = self.host().ask_open_path(&PICTURES).await;
        let path = asked.map_err(|error| {
            tracing::warn!(%error, "nobody could be asked for a picture");
            UiError::new(ErrorCode::Bug)
        })?;
        let Some(path) = path else {
            return Ok(Empty {});
        };
        let bytes = read_picture(&path).await?;
        let tile = self.0.frames.show_tile(bytes.clone());
        let tile = tile.map_err(|_| UiError::new(ErrorCode::Picture))?;
        let _turn = self.one_change().await;
        let open = account.open();
        let open = open.ok_or_else(|| UiError::new(ErrorCode::Locked))?;
        open.store
            .settings_put(PICTURE, &STANDARD.encode(bytes))
            .await?;
        self.note_picture(&account, Some(PICTURE.to_owned()))
            .await?;
        open.set_tile(Some(tile));
        self.0.accounts.signals().touch();
        Ok(Empty {})
    }

    pub(crate) async fn remove_picture(&self, request: AccountRequest) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        let account = self.account(&request.account)?;
        self.note_picture(&account, None).await?;
        if let Some(open) = account.open() {
            open.store.settings_put(PICTURE, "").await?;
            open.set_tile(None);
        }
        self.0.accounts.signals().touch();
        Ok(Empty {})
    }

    async fn note_picture(
        &self,
        account: &crate::account::Account,
        picture: Option<String>,
    ) -> Result<(), UiError> {
        let record = AccountRecord {
            picture,
            ..account.record()
        };
        self.0.registry.update(record.clone()).await?;
        account.set_record(record);
        Ok(())
    }

    /// The picture an account has kept; none where it cannot be read, and then the letter shows.
    pub(crate) async fn stored_tile(
        &self,
        open: &OpenAccount,
        record: &AccountRecord,
    ) -> Option<Arc<Tile>> {
        record.picture.as_ref()?;
        let stored = match open.store.settings_get(PICTURE).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(account = %record.id, %error, "a picture could not be read");
                return None;
            }
        };
        let bytes = STANDARD.decode(stored).ok()?;
        self.0.frames.show_tile(bytes).ok()
    }
}

async fn read_picture(path: &std::path::Path) -> Result<Vec<u8>, UiError> {
    use tokio::io::AsyncReadExt as _;

    let unreadable = |error: std::io::Error| {
        tracing::warn!(%error, "a picture could not be read");
        UiError::new(ErrorCode::Picture)
    };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PICTURE + 1)
        .read_to_end(&mut bytes)
        .await
        .map_err(unreadable)?;
    let is_small = u64::try_from(bytes.len()).is_ok_and(|octets| octets <= LARGEST_PICTURE);
    let kind = mail_mime::picture::inspect(&bytes).map(|picture| picture.media_type);
    if is_small && kind.is_ok_and(|kind| KINDS.contains(&kind)) {
        Ok(bytes)
    } else {
        Err(UiError::new(ErrorCode::Picture))
    }
}

fn group_name(typed: &str) -> Result<String, UiError> {
    let name = typed.trim().chars().filter(|c| !c.is_control());
    let name: String = name.take(LONGEST_NAME).collect();
    if name.is_empty() {
        return Err(UiError::new(ErrorCode::BadRequest));
    }
    Ok(name)
}

/// Whether an order names exactly what is there.
fn same<'a>(here: impl Iterator<Item = &'a str>, named: &'a [String]) -> bool {
    let mut here: Vec<_> = here.collect();
    let mut named: Vec<_> = named.iter().map(String::as_str).collect();
    here.sort_unstable();
    named.sort_unstable();
    here == named
}

fn ids<T>(
    names: Vec<String>,
    id: impl Fn(String) -> Result<T, mail_model::IdError>,
) -> Result<Vec<T>, UiError> {
    let ids = names.into_iter().map(id);
    ids.collect::<Result<_, _>>()
        .map_err(|_| UiError::new(ErrorCode::NotFound))
}
