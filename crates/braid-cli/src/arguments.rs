//! What can be said.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Several mail accounts, signed in at once, read as one mailbox, kept apart.
#[derive(Debug, Parser)]
#[command(name = "braid-cli", version)]
pub(crate) struct Arguments {
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Start the rehearsal in a fresh folder, with these accounts signed in, instead of using
    /// your own.
    #[arg(
        long,
        global = true,
        value_name = "ACCOUNTS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "Work,Personal",
        value_delimiter = ','
    )]
    pub(crate) rehearsal: Option<Vec<String>>,

    /// Keep data and configuration below this folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who is signed in.
    Accounts,
    /// Add an account, or sign one in again, in your browser.
    SignIn {
        /// The connection to use; without it the tenant's own page asks.
        #[arg(long)]
        connection: Option<String>,
        /// The account to sign in again, by name or id.
        #[arg(long)]
        account: Option<String>,
        /// What to call a new account.
        #[arg(long)]
        name: Option<String>,
    },
    /// End an account's session. Its mail stays readable here.
    SignOut {
        /// By name or id.
        account: String,
    },
    /// Remove an account from this computer.
    Remove {
        /// By name or id.
        account: String,
        /// Do it; without this the command only says what would be deleted.
        #[arg(long)]
        yes: bool,
    },
    /// Fetch until everything the servers have told is here.
    Sync,
    /// The merged list, newest first.
    List {
        /// Which mailbox of every account.
        #[arg(long, value_enum, default_value_t = Role::Inbox)]
        mailbox: Role,
        /// Only this account, by name or id.
        #[arg(long)]
        account: Option<String>,
        /// Which rows.
        #[arg(long, value_enum, default_value_t = Filter::All)]
        filter: Filter,
        /// One row a conversation instead of one a message.
        #[arg(long)]
        conversations: bool,
        /// How many rows.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// One message; the newest of the merged inbox if none is named.
    Show {
        /// Its account, by name or id.
        account: Option<String>,
        /// Its key, as `list` gives it.
        #[arg(requires = "account")]
        message: Option<i64>,
    },
    /// How every account and its session is, without secrets and without mail. Ends with 6 where
    /// one cannot go on without you.
    Health,
    /// The built-in login service and mail server.
    Rehearsal {
        #[command(subcommand)]
        action: Rehearsal,
    },
}

/// What to do with the rehearsal.
#[derive(Debug, Subcommand)]
pub(crate) enum Rehearsal {
    /// Run both servers alone, print one line with their addresses, and serve until stopped.
    Serve {
        /// Port of the login service; 0 is any free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Messages of each account.
        #[arg(long, default_value_t = 2_000)]
        size: u32,
        /// Keep the rehearsal's state here; without it nothing is kept.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
    /// Forget everything the rehearsal keeps.
    Reset {
        /// The folder given to `serve`; without it that of your own Braid.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
    },
}

/// A mailbox that every account has.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    Inbox,
    Drafts,
    Sent,
    Archive,
    Junk,
    Trash,
}

impl From<Role> for mail_app::MailboxRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Inbox => Self::Inbox,
            Role::Drafts => Self::Drafts,
            Role::Sent => Self::Sent,
            Role::Archive => Self::Archive,
            Role::Junk => Self::Junk,
            Role::Trash => Self::Trash,
        }
    }
}

/// Which rows.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Filter {
    All,
    Unread,
    Starred,
    Files,
}

impl From<Filter> for mail_app::Filter {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::All => Self::All,
            Filter::Unread => Self::Unread,
            Filter::Starred => Self::Starred,
            Filter::Files => Self::Files,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_rehearsal_has_two_accounts_unless_named() {
        let two = Arguments::parse_from(["braid-cli", "--rehearsal", "list", "--json"]);
        assert_eq!(two.rehearsal.unwrap(), ["Work", "Personal"]);
        let one = Arguments::parse_from(["braid-cli", "--rehearsal=Choir", "list"]);
        assert_eq!(one.rehearsal.unwrap(), ["Choir"]);
    }
}
