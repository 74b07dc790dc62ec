//! The TypeScript picture of the contract.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use mail_model::{AccountColor, MailboxRole};

/// All declarations, as they stand in `ui/src/contract.gen.ts`.
#[must_use]
pub fn typescript() -> String {
    let config = Config::new();
    let mut out = String::from(
        "// Generated from crates/mail-app/src/contract by a test; BRAID_WRITE_CONTRACT=1 writes it anew.\n\n",
    );
    let colors = AccountColor::ALL
        .map(|color| format!("\"{}\"", color.as_str()))
        .join(" | ");
    let roles = [
        "inbox",
        "drafts",
        "sent",
        "archive",
        "junk",
        "trash",
        "all",
        "flagged",
        "important",
    ];
    debug_assert!(roles.iter().all(|role| MailboxRole::parse(role).is_some()));
    let roles = roles.map(|role| format!("\"{role}\"")).join(" | ");
    // Writing into a String cannot fail.
    for line in [
        format!("export type AccountColor = {colors};"),
        format!("export type MailboxRole = {roles};"),
        "export type ListMode = \"conversations\" | \"messages\";".into(),
        "export type Filter = \"all\" | \"unread\" | \"starred\" | \"files\";".into(),
    ] {
        out.push_str(&line);
        out.push_str("\n\n");
    }
    for declaration in declarations(&config) {
        out.push_str("export ");
        out.push_str(&declaration);
        out.push_str("\n\n");
    }
    table(
        &mut out,
        "Calls",
        "request",
        "reply",
        &super::call_types(&config),
    );
    table(
        &mut out,
        "Feeds",
        "open",
        "event",
        &super::feed_types(&config),
    );
    out
}

fn table(out: &mut String, name: &str, left: &str, right: &str, rows: &[(&str, String, String)]) {
    out.push_str("export type ");
    out.push_str(name);
    out.push_str(" = {\n");
    for (key, input, output) in rows {
        if writeln!(
            out,
            "  \"{key}\": {{ {left}: {input}; {right}: {output} }};"
        )
        .is_err()
        {
            return;
        }
    }
    out.push_str("};\n\n");
}

macro_rules! declarations_of {
    ($config:ident: $($name:ident),+ $(,)?) => {
        vec![$( <super::$name as TS>::decl($config) ),+]
    };
}

fn declarations(config: &Config) -> Vec<String> {
    declarations_of!(config:
        Empty, ErrorCode, UiError, Scope, Theme, Mark, MarkTarget,
        ConnectTenantRequest, BeginSignInRequest, AttemptRequest, ConfirmSignInRequest,
        AccountRequest, UpdateAccountRequest, SyncRequest, ListRequest, ListWindowRequest,
        ConversationRequest, MessageRequest, PaintedRequest, MarkRequest, AttachmentRequest,
        PreferencesView, ConnectionView, TenantView, VaultView, AppView, AppEvent,
        HealthView, ProgressView, MailboxView, AccountView, AccountsEvent,
        AttemptView, SignInView, SignInEvent, RemovalView, ReceiptView,
        KeptTextsView, KeepTextsRequest,
        RowView, ListEvent, AddressView, AttachmentView, BodyView, MessageView,
        ConversationView, ConversationEvent, SavedView,
        UnreadMark, GroupView, CreateGroupRequest, UpdateGroupRequest, GroupRequest,
        ReorderRequest, DataChoice, SignOutRequest, SignOutView, ReceiptItemView, ReceiptKind,
        SealedWhy, SealedView, SealedRequest, KeepSealedRequest, OneAccountView,
        OneAccountRequest, SessionsView, ArrivalView, Fix, HostView, SessionView, TextView,
        DevicesView, DeviceView, DeviceRequest, SeparationView, BelongingsView, FileView,
        CheckReportView, CheckLineView, CheckPlace, IdentitiesView, IdentityView,
        AddIdentityRequest, RemoveIdentityRequest, LinkBeginRequest, LinkRequest, LinkSide,
        LinkProveRequest, Unsettled, SettleHow, LinkSettleRequest, LinkExportRequest,
        LinkGoOnRequest, LinkConfirmRequest, JournalRequest, LinkEvent, LinkView,
        LinkMailboxView, LinkStageView, LinkStep, LinkCountsView, LinkExportView,
        LinkTroubleView, LinkTrouble, AccountNameView, SegmentView, FoundView, ServerSearch,
        SearchedAccountView, SearchHint, SearchView,
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The page compiles against the file, so a difference would show there late or never.
    #[test]
    fn the_pages_types_are_those_of_the_contract() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/contract.gen.ts");
        let declared = super::typescript();
        if std::env::var_os("BRAID_WRITE_CONTRACT").is_some() {
            std::fs::write(&file, &declared).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(
            written == declared,
            "run BRAID_WRITE_CONTRACT=1 cargo test -p mail-app"
        );
    }
}
