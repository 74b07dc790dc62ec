//! What can be said.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// How a run ends; the same table is in the README.
const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    it did not work
  2    not understood, or no such account, connection, copy or message
  3    sign in again, or the sign-in came to nothing
  4    no connection, or a server asks to wait
  5    the keyring is locked or missing
  6    an account needs something from you (health)
  7    it is not known yet whether a change of sign-ins happened (link)
  130  interrupted";

/// Several mail accounts, signed in at once, read as one mailbox, kept apart.
#[derive(Debug, Parser)]
#[command(name = "braid-cli", version, after_help = EXIT_CODES)]
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
    /// End an account's session. Its mail is kept sealed for 30 days.
    SignOut {
        /// By name or id.
        account: String,
        /// Delete its mail from this computer instead.
        #[arg(long)]
        wipe: bool,
    },
    /// The same as `sign-out`: close an account and keep a sealed copy of its mail for 30 days.
    Seal {
        /// By name or id.
        account: String,
    },
    /// Bring a sealed copy back; without a name, say which there are.
    Restore {
        /// By name or id.
        copy: Option<String>,
    },
    /// No traffic for an account; its mail can be read.
    Pause {
        /// By name or id.
        account: String,
    },
    /// End a pause.
    Resume {
        /// By name or id.
        account: String,
    },
    /// Take an account's key out of memory; its mail is not shown.
    Lock {
        /// By name or id.
        account: String,
    },
    /// Take its key from the keyring again.
    Unlock {
        /// By name or id.
        account: String,
    },
    /// How much of an account's texts stays on this computer; the server keeps its own. Without
    /// an option, say how it is.
    Texts {
        /// By name or id.
        account: String,
        /// Texts older than so many days go; `all` for any age.
        #[arg(long, value_name = "DAYS", value_parser = bound)]
        days: Option<Bound>,
        /// All texts together take at most so many megabytes, 16 or more; `all` for any number.
        #[arg(long, value_name = "MB", value_parser = room)]
        size: Option<Bound>,
    },
    /// Remove an account from this computer.
    Remove {
        /// By name or id.
        account: String,
        /// Do it; without this the command only says what would be deleted.
        #[arg(long)]
        yes: bool,
    },
    /// The sign-ins that open each mailbox.
    Identities {
        /// Only of this account, by name or id.
        account: Option<String>,
    },
    /// Open one mailbox with two sign-ins. The other mailbox is set aside: only an administrator
    /// can bring it back.
    #[command(group = clap::ArgGroup::new("mode").required(true).args(["plan", "yes_i_understand"]))]
    Link {
        /// The mailbox that is kept, by name or id.
        #[arg(requires = "set_aside", required_unless_present = "plan")]
        kept: Option<String>,
        /// The mailbox that is set aside, by name or id.
        set_aside: Option<String>,
        /// Only count what would be set aside; change nothing. In the rehearsal, without names,
        /// Choir into Personal.
        #[arg(long)]
        plan: bool,
        /// Do it.
        #[arg(long, requires = "copy")]
        yes_i_understand: bool,
        /// Take a copy of its mail along, into this new folder.
        #[arg(long, value_name = "FOLDER", group = "copy")]
        export: Option<PathBuf>,
        /// Take no copy along.
        #[arg(long, group = "copy")]
        no_copy: bool,
    },
    /// Remove a sign-in from a mailbox. Needs a sign-in of the last five minutes.
    Unlink {
        /// The account, by name or id.
        account: String,
        /// The sign-in, as `identities` gives it.
        identity: String,
    },
    /// Copy an account's mail into a new folder, read back and compared. Run again, it goes on.
    Export {
        /// By name or id.
        account: String,
        /// Where the copy goes. Not called `folder`: that is the name of the option for Braid's own.
        #[arg(value_name = "FOLDER")]
        destination: PathBuf,
        /// A file for each message beside the mailbox files.
        #[arg(long)]
        eml: bool,
        /// Pack and encrypt the copy with the text of this file.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
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
    /// Messages that match, newest first, over all accounts. How complete the answer is for each
    /// account goes to standard error, or into the JSON.
    Search {
        /// Such as `from:ada has:file budget -draft`; after `--` if it begins with a dash.
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        /// Only in this account, by name or id.
        #[arg(long)]
        account: Option<String>,
        /// How many messages.
        #[arg(long, default_value_t = 50)]
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
        /// People beside the three, called "Account 4" and so on.
        #[arg(long, default_value_t = 0)]
        extra_people: u8,
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

/// At most so much, or any amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound(pub(crate) Option<u32>);

fn bound(said: &str) -> Result<Bound, String> {
    if said == "all" {
        return Ok(Bound(None));
    }
    match said.parse() {
        Ok(0) | Err(_) => Err("a whole number above 0, or `all`".into()),
        Ok(most) => Ok(Bound(Some(most))),
    }
}

/// Megabytes that the app takes.
fn room(said: &str) -> Result<Bound, String> {
    let room = bound(said)?;
    if room.0.is_some_and(|most| most < 16) {
        return Err("16 megabytes or more, or `all`".into());
    }
    Ok(room)
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
