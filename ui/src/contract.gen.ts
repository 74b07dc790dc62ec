// Generated from crates/mail-app/src/contract by a test; BRAID_WRITE_CONTRACT=1 writes it anew.

export type AccountColor = "ocean" | "rust" | "teal" | "plum" | "amber" | "rose" | "moss" | "indigo" | "slate" | "cocoa";

export type MailboxRole = "inbox" | "drafts" | "sent" | "archive" | "junk" | "trash" | "all" | "flagged" | "important";

export type ListMode = "conversations" | "messages";

export type Filter = "all" | "unread" | "starred" | "files";

export type Empty = Record<symbol, never>;

export type ErrorCode = "bad_request" | "not_found" | "tenant_address" | "tenant_unreachable" | "tenant_not_authress" | "application_id" | "application_refused" | "redirect_port" | "browser" | "sign_in_expired" | "sign_in_refused" | "sign_in_untrusted" | "clock" | "sign_in_again" | "vault_locked" | "vault_missing" | "offline" | "busy" | "refused" | "no_mail_service" | "save_only" | "disk" | "managed" | "accounts_left" | "choose_account" | "proof_needed" | "last_sign_in" | "sign_in_taken" | "linking_forbidden" | "not_offered" | "change_under_way" | "paused" | "locked" | "person_here" | "picture" | "bug";

export type UiError = { 
/**
 * What it is.
 */
code: ErrorCode, 
/**
 * The other side's own words, if any; never a secret.
 */
detail: string | null, };

export type Scope = { "kind": "merged", 
/**
 * Which role.
 */
role: MailboxRole, 
/**
 * Of the accounts of this group only.
 */
group?: string, } | { "kind": "starred", 
/**
 * One account, or all.
 */
account: string | null, 
/**
 * Of the accounts of this group only.
 */
group?: string, } | { "kind": "all", 
/**
 * Which account.
 */
account: string, } | { "kind": "mailbox", 
/**
 * Its account.
 */
account: string, 
/**
 * The server's id of the mailbox.
 */
mailbox: string, } | { "kind": "search", 
/**
 * As typed, such as `from:ada has:file budget -draft`.
 */
text: string, 
/**
 * One account, or all.
 */
account: string | null, 
/**
 * Of the accounts of this group only.
 */
group?: string, 
/**
 * In this mailbox of the account only: the server's id.
 */
mailbox?: string, };

export type Theme = "system" | "light" | "dark";

export type Mark = "seen" | "flagged";

export type MarkTarget = { "kind": "thread", 
/**
 * Its account.
 */
account: string, 
/**
 * Its key.
 */
thread: number, } | { "kind": "message", 
/**
 * Its account.
 */
account: string, 
/**
 * Its key.
 */
message: number, };

export type ConnectTenantRequest = { 
/**
 * Its login address, as typed.
 */
login_host: string, 
/**
 * The application id, as typed.
 */
application_id: string, };

export type BeginSignInRequest = { 
/**
 * Which connection; none for the tenant's own login page.
 */
connection: string | null, 
/**
 * The account to sign in again; none to add one.
 */
account: string | null, };

export type AttemptRequest = { 
/**
 * From [`super::AttemptView`].
 */
attempt: string, };

export type ConfirmSignInRequest = { 
/**
 * From [`super::AttemptView`].
 */
attempt: string, 
/**
 * What the person calls the account.
 */
name: string, 
/**
 * Its colour.
 */
color: AccountColor, 
/**
 * Whether the sealed copy of this person's mail is brought back.
 */
restore?: boolean, 
/**
 * What becomes of the mail of the account that leaves, where only one may stay.
 */
replaced_data?: DataChoice, };

export type AccountRequest = { 
/**
 * Which account.
 */
account: string, };

export type UpdateAccountRequest = { 
/**
 * Which account.
 */
account: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its colour.
 */
color: AccountColor, 
/**
 * One or two letters on its tile; none for the first of its name.
 */
letter: string | null, 
/**
 * How its tile shows unread mail.
 */
unread_mark: UnreadMark, };

export type SyncRequest = { 
/**
 * One account, or all.
 */
account: string | null, };

export type ListRequest = { 
/**
 * The page's own name for the list, for [`ListWindowRequest`]; unique while it is open.
 */
list: string, 
/**
 * What it shows.
 */
scope: Scope, 
/**
 * Conversations or messages.
 */
mode: ListMode, 
/**
 * Which rows.
 */
filter: Filter, };

export type ListWindowRequest = { 
/**
 * [`ListRequest::list`].
 */
list: string, 
/**
 * First row, from 0.
 */
from: number, 
/**
 * The row after the last one; at most 400 after `from`.
 */
to: number, };

export type ConversationRequest = { 
/**
 * Its account.
 */
account: string, 
/**
 * Its key.
 */
thread: number, };

export type MessageRequest = { 
/**
 * Its account.
 */
account: string, 
/**
 * Its key.
 */
message: number, };

export type PaintedRequest = { 
/**
 * How many.
 */
rows: number, };

export type MarkRequest = { 
/**
 * On what; at most 1,000.
 */
targets: Array<MarkTarget>, 
/**
 * Which mark.
 */
mark: Mark, 
/**
 * Add or remove.
 */
set: boolean, };

export type AttachmentRequest = { 
/**
 * Its account.
 */
account: string, 
/**
 * Its message.
 */
message: number, 
/**
 * [`super::AttachmentView::index`].
 */
index: number, };

export type PreferencesView = { 
/**
 * Colours.
 */
theme: Theme, 
/**
 * What the list showed last.
 */
scope: Scope | null, 
/**
 * Width of the sidebar in CSS px.
 */
sidebar_width: number | null, 
/**
 * Width of the list in CSS px.
 */
list_width: number | null, };

export type ConnectionView = { 
/**
 * The connection id.
 */
id: string, 
/**
 * The name to show.
 */
name: string, };

export type TenantView = { 
/**
 * Host of the login address.
 */
host: string, 
/**
 * The application id.
 */
application_id: string, 
/**
 * Whether this is the built-in rehearsal.
 */
rehearsal: boolean, 
/**
 * Whether the organisation has set it, so that nobody changes it here.
 */
managed: boolean, 
/**
 * Ways in; empty when only the tenant's own page lists them.
 */
connections: Array<ConnectionView>, };

export type VaultView = "ready" | "locked" | "missing" | "session_only";

export type AppView = { 
/**
 * Braid's version.
 */
version: string, 
/**
 * None before the first run is done.
 */
tenant: TenantView | null, 
/**
 * Keyring.
 */
vault: VaultView, 
/**
 * "One account at a time".
 */
one_account: OneAccountView, 
/**
 * A change of sign-ins that is under way or whose end is not known.
 */
linking: string | null, 
/**
 * The organisation does not allow one mailbox to be opened with several sign-ins.
 */
linking_forbidden: boolean, 
/**
 * What the window remembers.
 */
preferences: PreferencesView, };

export type AppEvent = { 
/**
 * Grows by one.
 */
seq: number, 
/**
 * All of it, anew.
 */
app: AppView, };

export type HealthView = { "kind": "current" } | { "kind": "working" } | { "kind": "offline" } | { "kind": "waiting", 
/**
 * Until when, Unix seconds.
 */
until: number, } | { "kind": "sign_in_needed" } | { "kind": "signed_out" } | { "kind": "paused" } | { "kind": "locked" } | { "kind": "vault_locked" } | { "kind": "refused", 
/**
 * The server's own words.
 */
detail: string, } | { "kind": "rebuilding" } | { "kind": "disk_full" } | { "kind": "fault" };

export type ProgressView = { 
/**
 * Messages here.
 */
done: number, 
/**
 * Messages on the server, if it says.
 */
total: number | null, };

export type MailboxView = { 
/**
 * The server's id.
 */
id: string, 
/**
 * Its name, as the server has it.
 */
name: string, 
/**
 * What it is for.
 */
role: MailboxRole | null, 
/**
 * How deep it lies, from 0.
 */
depth: number, 
/**
 * Unread conversations.
 */
unread: number, 
/**
 * All conversations.
 */
total: number, };

export type AccountView = { 
/**
 * Its local id.
 */
id: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its address.
 */
email: string, 
/**
 * On its tile.
 */
letter: string, 
/**
 * Its colour.
 */
color: AccountColor, 
/**
 * Address of its picture, where the person chose one.
 */
picture: string | null, 
/**
 * Its group.
 */
group: string | null, 
/**
 * How its tile shows unread mail.
 */
unread_mark: UnreadMark, 
/**
 * Name of the connection it was signed in by.
 */
connection: string | null, 
/**
 * The end of its session, if the login service says, Unix seconds.
 */
session_ends_at: number | null, 
/**
 * Whether a change of sign-ins keeps it read-only.
 */
read_only: boolean, 
/**
 * How it is.
 */
health: HealthView, 
/**
 * Whether damage, met since its files were opened, may have taken changes of the person that
 * the server does not have.
 */
may_miss_changes: boolean, 
/**
 * First fetch, while it goes on.
 */
progress: ProgressView | null, 
/**
 * Last time everything was asked for and here, Unix seconds.
 */
synced_at: number | null, 
/**
 * Changes of the person that still wait for the server.
 */
queued: number, 
/**
 * Unread conversations in the inbox.
 */
unread: number, 
/**
 * Mailboxes: roles first, then own ones, children after their parent.
 */
mailboxes: Array<MailboxView>, };

export type AccountsEvent = { 
/**
 * Grows by one.
 */
seq: number, 
/**
 * All accounts in the person's order, anew.
 */
accounts: Array<AccountView>, 
/**
 * All groups in the person's order, anew.
 */
groups: Array<GroupView>, 
/**
 * All sealed copies, newest first, anew.
 */
sealed: Array<SealedView>, };

export type AttemptView = { 
/**
 * Its name.
 */
attempt: string, };

export type SignInView = { "phase": "preparing" } | { "phase": "waiting" } | { "phase": "finishing" } | { "phase": "confirm", 
/**
 * The person's name.
 */
person: string, 
/**
 * The address.
 */
email: string, 
/**
 * Name of the connection.
 */
connection: string | null, 
/**
 * A name for the account.
 */
name: string, 
/**
 * A colour that is free.
 */
color: AccountColor, 
/**
 * A sealed copy of this person's mail that can be brought back.
 */
sealed: SealedView | null, 
/**
 * The accounts that are signed out for this one, where only one may stay.
 */
replaces: Array<AccountNameView>, } | { "phase": "renewed", 
/**
 * Which account.
 */
account: string, } | { "phase": "already_here", 
/**
 * Which account.
 */
account: string, } | { "phase": "already_opens", 
/**
 * Which account.
 */
account: string, 
/**
 * The sign-in.
 */
identity: IdentityView, } | { "phase": "linked_by_itself", 
/**
 * Which account.
 */
account: string, 
/**
 * The sign-in.
 */
identity: IdentityView, } | { "phase": "identity_added", 
/**
 * Which account.
 */
account: string, 
/**
 * The sign-in.
 */
identity: IdentityView, } | { "phase": "proved", 
/**
 * Which account.
 */
account: string, } | { "phase": "other_person", 
/**
 * Address of the account.
 */
expected: string, 
/**
 * Address of who signed in.
 */
found: string, } | { "phase": "added", 
/**
 * Which account.
 */
account: string, } | { "phase": "failed", 
/**
 * Why.
 */
code: ErrorCode, 
/**
 * The other side's own words, if any.
 */
detail: string | null, } | { "phase": "cancelled" };

export type SignInEvent = { 
/**
 * Grows by one.
 */
seq: number, 
/**
 * Where it stands.
 */
sign_in: SignInView, };

export type RemovalView = { 
/**
 * Messages in the local copy; the server keeps its own.
 */
messages: number, 
/**
 * Changes that have not reached the server.
 */
queued: number, 
/**
 * Octets on disk.
 */
octets: number, };

export type ReceiptView = { 
/**
 * Address of the account.
 */
email: string, 
/**
 * Unix seconds.
 */
at: number, 
/**
 * Everything that was deleted, and whether it is gone.
 */
items: Array<ReceiptItemView>, 
/**
 * Files deleted and checked to be gone.
 */
files: number, 
/**
 * Octets freed.
 */
octets: number, 
/**
 * Whether the key is gone from the keyring.
 */
key_deleted: boolean, 
/**
 * Whether the tenant was told that the session has ended.
 */
session_ended: boolean, };

export type KeptTextsView = { 
/**
 * Texts older than so many days go; none for any age.
 */
days: number | null, 
/**
 * All texts together take at most so many octets; none for any number.
 */
octets: number | null, 
/**
 * Octets they take now.
 */
used: number, };

export type KeepTextsRequest = { 
/**
 * Which account.
 */
account: string, 
/**
 * Texts older than so many days go, at least one; none for any age.
 */
days: number | null, 
/**
 * All texts together take at most so many octets, at least 16 MB; none for any number.
 */
octets: number | null, };

export type RowView = { 
/**
 * Unique in the list.
 */
key: string, 
/**
 * Its account.
 */
account: string, 
/**
 * The conversation.
 */
thread: number, 
/**
 * The newest message of it in this list, or the message.
 */
message: number, 
/**
 * Unix seconds.
 */
received_at: number, 
/**
 * Oldest first, at most five.
 */
senders: Array<string>, 
/**
 * May be empty.
 */
subject: string, 
/**
 * May be empty.
 */
preview: string, 
/**
 * Messages in the row.
 */
messages: number, 
/**
 * Unread ones among them.
 */
unread: number, 
/**
 * Any is starred.
 */
starred: boolean, 
/**
 * Any has a file.
 */
files: boolean, 
/**
 * The newest was answered.
 */
answered: boolean, 
/**
 * The newest is a draft.
 */
draft: boolean, 
/**
 * Why it was found, in a search.
 */
found: FoundView | null, };

export type ListEvent = { "type": "snapshot", 
/**
 * 0.
 */
seq: number, 
/**
 * Rows of the whole list.
 */
total: number, 
/**
 * Unread rows of the whole list.
 */
unread: number, 
/**
 * Place of the first row below.
 */
start: number, 
/**
 * The rows of the window, in order.
 */
rows: Array<RowView>, 
/**
 * Accounts that belong into the list and cannot be read; they are counted nowhere.
 */
failed: Array<string>, } | { "type": "diff", 
/**
 * One more than the last event's.
 */
seq: number, 
/**
 * As above.
 */
total: number, 
/**
 * As above.
 */
unread: number, 
/**
 * Place of the first key below.
 */
start: number, 
/**
 * Keys of all rows of the window, in order.
 */
order: Array<string>, 
/**
 * Those rows that the last event did not have, or that have changed.
 */
rows: Array<RowView>, 
/**
 * As above.
 */
failed: Array<string>, } | { "type": "search", 
/**
 * All of it, anew.
 */
search: SearchView, };

export type AddressView = { 
/**
 * May be empty.
 */
name: string, 
/**
 * As written.
 */
email: string, };

export type AttachmentView = { 
/**
 * Its place in the message.
 */
index: number, 
/**
 * Safe to show: no control or direction characters.
 */
name: string, 
/**
 * Media type as claimed.
 */
media_type: string, 
/**
 * Octets.
 */
size: number, 
/**
 * Whether it may be opened, or only saved.
 */
can_open: boolean, };

export type BodyView = { "kind": "folded" } | { "kind": "loading" } | { "kind": "offline" } | { "kind": "failed", 
/**
 * Why.
 */
code: ErrorCode, } | { "kind": "ready", 
/**
 * Address of the frame.
 */
url: string, 
/**
 * Pictures from outside that were not loaded.
 */
blocked_images: number, 
/**
 * Invisible pictures that were removed.
 */
trackers: number, 
/**
 * Whether the text was cut.
 */
truncated: boolean, };

export type MessageView = { 
/**
 * Its key.
 */
key: number, 
/**
 * `From`.
 */
from: Array<AddressView>, 
/**
 * `To`.
 */
to: Array<AddressView>, 
/**
 * `Cc`.
 */
cc: Array<AddressView>, 
/**
 * Unix seconds.
 */
received_at: number, 
/**
 * First words.
 */
preview: string, 
/**
 * Read.
 */
seen: boolean, 
/**
 * Starred.
 */
flagged: boolean, 
/**
 * Unfinished.
 */
draft: boolean, 
/**
 * Names of the mailboxes it lies in.
 */
mailboxes: Array<string>, 
/**
 * Body.
 */
body: BodyView, 
/**
 * Files; known once the body is here.
 */
attachments: Array<AttachmentView>, };

export type ConversationView = { 
/**
 * Its account.
 */
account: string, 
/**
 * Its key.
 */
thread: number, 
/**
 * Subject of its newest message.
 */
subject: string, 
/**
 * Oldest first.
 */
messages: Array<MessageView>, };

export type ConversationEvent = { 
/**
 * Grows by one.
 */
seq: number, 
/**
 * All of it, anew; none when it is gone.
 */
conversation: ConversationView | null, };

export type SavedView = { 
/**
 * The file's name; none when the person changed their mind.
 */
name: string | null, };

export type UnreadMark = "number" | "dot" | "none";

export type GroupView = { 
/**
 * Its local id.
 */
id: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Unread conversations in the inboxes of its accounts.
 */
unread: number, };

export type CreateGroupRequest = { 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its accounts; they leave the groups they were in.
 */
accounts: Array<string>, };

export type UpdateGroupRequest = { 
/**
 * Which group.
 */
group: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its accounts; they leave the groups they were in.
 */
accounts: Array<string>, };

export type GroupRequest = { 
/**
 * Which group.
 */
group: string, };

export type ReorderRequest = { 
/**
 * All groups, first one first.
 */
groups: Array<string>, 
/**
 * All accounts, first one first.
 */
accounts: Array<string>, };

export type DataChoice = "sealed" | "wiped";

export type SignOutRequest = { 
/**
 * Which account.
 */
account: string, 
/**
 * What becomes of its mail here.
 */
data: DataChoice, };

export type SignOutView = { 
/**
 * Whether the tenant was told that the session has ended.
 */
session_ended: boolean, 
/**
 * What was deleted, where the mail was wiped.
 */
receipt: ReceiptView | null, 
/**
 * The sealed copy, where it was kept.
 */
sealed: SealedView | null, };

export type ReceiptItemView = { 
/**
 * What it was.
 */
kind: ReceiptKind, 
/**
 * Its name: a file below the account's folder, or the name of the key.
 */
name: string, 
/**
 * Octets, for files.
 */
octets: number | null, 
/**
 * Looked for afterwards and not found.
 */
gone: boolean, };

export type ReceiptKind = "file" | "key" | "entry";

export type SealedWhy = "signed_out" | "set_aside" | "key_lost";

export type SealedView = { 
/**
 * Its local id.
 */
id: string, 
/**
 * What the person called it.
 */
name: string, 
/**
 * Its address.
 */
email: string, 
/**
 * On its tile.
 */
letter: string, 
/**
 * Its colour.
 */
color: AccountColor, 
/**
 * Why it was sealed.
 */
why: SealedWhy, 
/**
 * Since when, Unix seconds.
 */
sealed_at: number, 
/**
 * Deleted after this, Unix seconds; none to keep it.
 */
keep_until: number | null, 
/**
 * Its key is in memory only: it can be brought back until the app ends, and not after that.
 */
until_quit: boolean, 
/**
 * Octets on disk.
 */
octets: number, 
/**
 * The record of the change that set it aside, for a recovery pack.
 */
journal: string | null, };

export type SealedRequest = { 
/**
 * Which copy.
 */
sealed: string, };

export type KeepSealedRequest = { 
/**
 * Which copy.
 */
sealed: string, 
/**
 * Days from now, at least 1; none to keep it until it is deleted by hand.
 */
days: number | null, };

export type OneAccountView = { 
/**
 * Whether it is on.
 */
on: boolean, 
/**
 * Whether the organisation has set it.
 */
managed: boolean, 
/**
 * Several accounts are here although it is on: the person has to say which one stays.
 */
choose: boolean, };

export type OneAccountRequest = { 
/**
 * On or off.
 */
on: boolean, 
/**
 * Which account stays, where several are here.
 */
keep: string | null, 
/**
 * What becomes of the others' mail on this computer.
 */
data: DataChoice | null, };

export type SessionsView = { 
/**
 * In the person's order.
 */
sessions: Array<SessionView>, };

export type ArrivalView = "push" | "polling" | "off";

export type Fix = "nothing" | "sign_in" | "keyring" | "resume" | "unlock" | "retry" | "disk";

export type HostView = { 
/**
 * Its name.
 */
host: string, 
/**
 * First time, Unix seconds.
 */
first_at: number, 
/**
 * Last time, Unix seconds.
 */
last_at: number, 
/**
 * Requests so far.
 */
requests: number, };

export type SessionView = { 
/**
 * Which account.
 */
account: string, 
/**
 * The person's name.
 */
person: string | null, 
/**
 * The address.
 */
email: string, 
/**
 * Host of the login service.
 */
issuer: string, 
/**
 * The login service's id for the person.
 */
user: string, 
/**
 * Name of the connection of the last sign-in.
 */
connection: string | null, 
/**
 * The last sign-in, Unix seconds.
 */
signed_in_at: number | null, 
/**
 * The end of the token in hand, Unix seconds. It renews itself.
 */
token_ends_at: number | null, 
/**
 * The end of the session, if the login service says, Unix seconds.
 */
session_ends_at: number | null, 
/**
 * The last renewal, Unix seconds.
 */
renewed_at: number | null, 
/**
 * Last time everything was asked for and here, Unix seconds.
 */
synced_at: number | null, 
/**
 * How new mail is noticed.
 */
arrival: ArrivalView, 
/**
 * Changes that wait for the server.
 */
queued: number, 
/**
 * Octets on disk.
 */
octets: number, 
/**
 * Every host this account has ever spoken to.
 */
hosts: Array<HostView>, 
/**
 * How the account is.
 */
health: HealthView, 
/**
 * What to do about it.
 */
fix: Fix, };

export type TextView = { 
/**
 * Plain text.
 */
text: string, };

export type DevicesView = { 
/**
 * None where the login service offers no list.
 */
devices: Array<DeviceView> | null, };

export type DeviceView = { 
/**
 * The login service's id.
 */
id: string, 
/**
 * Its name.
 */
name: string, };

export type DeviceRequest = { 
/**
 * Whose.
 */
account: string, 
/**
 * Which.
 */
device: string, };

export type SeparationView = { 
/**
 * In the person's order.
 */
accounts: Array<BelongingsView>, 
/**
 * The last check of this run.
 */
report: CheckReportView | null, };

export type BelongingsView = { 
/**
 * Which account.
 */
account: string, 
/**
 * Its folder below the data folder.
 */
folder: string, 
/**
 * Its files.
 */
files: Array<FileView>, 
/**
 * Name of its key in the keyring.
 */
key: string, 
/**
 * `aud` and `client_id` of its token: whom it is good for.
 */
audience: Array<string>, 
/**
 * Hosts it has spoken to.
 */
hosts: Array<HostView>, };

export type FileView = { 
/**
 * Its name below the account's folder.
 */
name: string, 
/**
 * Octets.
 */
octets: number, };

export type CheckReportView = { 
/**
 * When, Unix seconds.
 */
at: number, 
/**
 * Nothing was found where it does not belong, and each marker was found where it does.
 */
passed: boolean, 
/**
 * One line for each place that was looked at.
 */
lines: Array<CheckLineView>, 
/**
 * Accounts that are closed or may send nothing: only others' markers were looked for there.
 */
not_in_full: Array<string>, };

export type CheckLineView = { 
/**
 * The account whose marker was looked for.
 */
marker_of: string, 
/**
 * What was looked at.
 */
place: CheckPlace, 
/**
 * The account the place belongs to; none for what belongs to the app.
 */
place_of: string | null, 
/**
 * How much was looked at: files, keys, lines or requests.
 */
looked_at: number, 
/**
 * How often the marker was there.
 */
found: number, 
/**
 * Whether the marker belongs there.
 */
expected: boolean, 
/**
 * Where it was found although it does not belong there; names, never contents.
 */
leaks: Array<string>, };

export type CheckPlace = "rows" | "files" | "keys" | "log" | "requests";

export type IdentitiesView = { 
/**
 * Which account.
 */
account: string, 
/**
 * Oldest first.
 */
identities: Array<IdentityView>, };

export type IdentityView = { 
/**
 * The provider's id for the person.
 */
id: string, 
/**
 * The connection's id.
 */
connection: string, 
/**
 * The connection's name.
 */
connection_name: string, 
/**
 * The person's name there, where known: a name or an address.
 */
person: string | null, 
/**
 * Since when, Unix seconds, where the service says.
 */
since: number | null, 
/**
 * Whether the present session was opened by it.
 */
current: boolean, };

export type AddIdentityRequest = { 
/**
 * The mailbox it shall open.
 */
account: string, 
/**
 * By which connection.
 */
connection: string, };

export type RemoveIdentityRequest = { 
/**
 * Of which mailbox.
 */
account: string, 
/**
 * [`IdentityView::id`].
 */
identity: string, 
/**
 * [`IdentityView::connection`].
 */
connection: string, };

export type LinkBeginRequest = { 
/**
 * The mailbox that is kept.
 */
kept: string, 
/**
 * The mailbox that is set aside.
 */
set_aside: string, };

export type LinkRequest = { 
/**
 * Which one.
 */
flow: string, };

export type LinkSide = "kept" | "set_aside";

export type LinkProveRequest = { 
/**
 * Which change.
 */
flow: string, 
/**
 * Which side.
 */
side: LinkSide, };

export type Unsettled = "outbox" | "queue";

export type SettleHow = "send" | "drop";

export type LinkSettleRequest = { 
/**
 * Which change.
 */
flow: string, 
/**
 * What.
 */
what: Unsettled, 
/**
 * How.
 */
how: SettleHow, };

export type LinkExportRequest = { 
/**
 * Which change.
 */
flow: string, 
/**
 * A file for each message beside the mailbox files.
 */
eml: boolean, 
/**
 * Packed and encrypted with this; none for plain files.
 */
passphrase: string | null, 
/**
 * Only what is missing from the last try.
 */
retry: boolean, };

export type LinkGoOnRequest = { 
/**
 * Which change.
 */
flow: string, 
/**
 * The person has ticked what the page asks to be ticked: incomplete figures, both sign-ins
 * affected, no copy, or a copy with gaps.
 */
understood: boolean, };

export type LinkConfirmRequest = { 
/**
 * Which change.
 */
flow: string, 
/**
 * The address of the mailbox that is set aside.
 */
typed: string, };

export type JournalRequest = { 
/**
 * Which one.
 */
journal: string, };

export type LinkEvent = { 
/**
 * Grows by one.
 */
seq: number, 
/**
 * Where it stands.
 */
link: LinkView, };

export type LinkView = { 
/**
 * Its name.
 */
flow: string, 
/**
 * The mailbox that is kept.
 */
kept: LinkMailboxView, 
/**
 * The mailbox that is set aside.
 */
set_aside: LinkMailboxView, 
/**
 * The page to show.
 */
stage: LinkStageView, 
/**
 * Counts, once there are any.
 */
counts: LinkCountsView | null, 
/**
 * The copy that is taken along, once there is one.
 */
export: LinkExportView | null, 
/**
 * What stands in the way, on this page.
 */
trouble: LinkTroubleView | null, 
/**
 * The sign-in in the browser that belongs to it: of a proof, or of the change itself where
 * the service has no other way. It is in the `sign_in` feed.
 */
attempt: string | null, };

export type LinkMailboxView = { 
/**
 * Its account.
 */
account: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its address.
 */
email: string, 
/**
 * On its tile.
 */
letter: string, 
/**
 * Its colour.
 */
color: AccountColor, 
/**
 * Name of its connection.
 */
connection: string | null, 
/**
 * Messages here.
 */
messages: number, 
/**
 * The oldest of them, Unix seconds.
 */
oldest: number | null, 
/**
 * Octets on this computer.
 */
octets: number, 
/**
 * Sign-ins that open it; 0 while not known.
 */
sign_ins: number, 
/**
 * Until when the proof holds, Unix seconds; none without one.
 */
proved_until: number | null, };

export type LinkStageView = { "stage": "blocked" } | { "stage": "prove", 
/**
 * Which side.
 */
side: LinkSide, } | { "stage": "direction" } | { "stage": "counting" } | { "stage": "preview" } | { "stage": "settling" } | { "stage": "export" } | { "stage": "exporting", 
/**
 * Messages done.
 */
done: number, 
/**
 * Messages in all.
 */
total: number, 
/**
 * Octets written.
 */
octets: number, 
/**
 * Whether it is being read back.
 */
checking: boolean, } | { "stage": "exported" } | { "stage": "confirm", 
/**
 * What has to be typed.
 */
type_this: string, } | { "stage": "working", 
/**
 * The step.
 */
step: LinkStep, } | { "stage": "done", 
/**
 * When, Unix seconds.
 */
at: number, 
/**
 * The record of it.
 */
journal: string, 
/**
 * The sealed copy.
 */
sealed: string, } | { "stage": "not_changed" } | { "stage": "unknown", 
/**
 * The record of it.
 */
journal: string, };

export type LinkStep = "sealing" | "asking" | "checking" | "closing";

export type LinkCountsView = { 
/**
 * When it was counted, Unix seconds.
 */
counted_at: number, 
/**
 * Whether there may be more.
 */
at_least: boolean, 
/**
 * Conversations.
 */
conversations: number, 
/**
 * Messages.
 */
messages: number, 
/**
 * Unread messages.
 */
unread: number, 
/**
 * Drafts.
 */
drafts: number, 
/**
 * Messages waiting to be sent.
 */
outbox: number, 
/**
 * Changes that are not on the server.
 */
queued: number, 
/**
 * Octets of attachments, where the server says.
 */
attachment_bytes: number | null, 
/**
 * Sender addresses with their signatures.
 */
identities: number | null, 
/**
 * Rules on the server, where it says.
 */
rules: number | null, };

export type LinkExportView = { 
/**
 * Name of the folder or file.
 */
name: string, 
/**
 * Messages written and compared.
 */
written: number, 
/**
 * Messages the server has.
 */
expected: number, 
/**
 * Octets.
 */
octets: number, 
/**
 * Subjects or ids of messages that could not be read, at most 100.
 */
missing: Array<string>, 
/**
 * SHA-256 of the manifest, hexadecimal.
 */
digest: string, };

export type LinkTroubleView = { 
/**
 * What it is.
 */
kind: LinkTrouble, 
/**
 * The other side's own words, if any; never a secret.
 */
detail: string | null, 
/**
 * A number the words need: messages, octets, seconds, minutes or sign-ins.
 */
number: number | null, 
/**
 * A second one: octets free, changes, messages expected.
 */
other_number: number | null, };

export type LinkTrouble = "same_person" | "already_opens" | "belongs_elsewhere" | "both_affected" | "kept_expired" | "proof_expired" | "wrong_person" | "not_finished" | "not_ours" | "forbidden" | "not_switched_on" | "linked_by_itself" | "cannot_count" | "not_settled" | "draft_open" | "no_space" | "export_incomplete" | "offline" | "no_answer" | "server_fault" | "too_many" | "not_shown_yet" | "session_left" | "keyring" | "cannot_seal" | "not_back" | "other_joined" | "changed" | "typed_other" | "last_sign_in" | "clock" | "not_owner" | "busy" | "sign_in_unclear" | "unexpected";

export type AccountNameView = { 
/**
 * Its local id.
 */
id: string, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Its address.
 */
email: string, };

export type SegmentView = { 
/**
 * The text.
 */
text: string, 
/**
 * Whether it matched.
 */
matched: boolean, };

export type FoundView = { 
/**
 * The subject in pieces.
 */
subject: Array<SegmentView>, 
/**
 * A place of the text in pieces, shown instead of the preview.
 */
excerpt: Array<SegmentView>, };

export type ServerSearch = "not_needed" | "asking" | "asked" | "unreachable" | "refused" | "no_room";

export type SearchedAccountView = { 
/**
 * Which account.
 */
account: string, 
/**
 * Whether the local index is still being looked through.
 */
searching: boolean, 
/**
 * Messages that are here and not in the index yet.
 */
to_index: number, 
/**
 * Whether the list of all messages is here.
 */
all_mail: boolean, 
/**
 * Receipt of the oldest message that is here, Unix seconds.
 */
mail_since: number | null, 
/**
 * From this receipt on the texts of all messages are here, Unix seconds; none when no text is.
 */
texts_since: number | null, 
/**
 * What its server adds.
 */
server: ServerSearch, 
/**
 * Whether there are more matches than the list takes.
 */
more: boolean, 
/**
 * Whether messages were left out because a word must not be in their text, which is not here.
 */
left_out: boolean, };

export type SearchHint = "date_expected" | "size_expected" | "word_unknown";

export type SearchView = { 
/**
 * Each account that is searched, in the person's order.
 */
accounts: Array<SearchedAccountView>, 
/**
 * What could not be read as meant; it was looked for as plain words.
 */
hints: Array<SearchHint>, };

export type Calls = {
  "tenant.connect": { request: ConnectTenantRequest; reply: Empty };
  "tenant.rehearse": { request: Empty; reply: Empty };
  "tenant.forget": { request: Empty; reply: Empty };
  "vault.retry": { request: Empty; reply: Empty };
  "vault.session_only": { request: Empty; reply: Empty };
  "preferences.set": { request: PreferencesView; reply: Empty };
  "window.painted": { request: PaintedRequest; reply: Empty };
  "sign_in.begin": { request: BeginSignInRequest; reply: AttemptView };
  "sign_in.reopen": { request: AttemptRequest; reply: Empty };
  "sign_in.confirm": { request: ConfirmSignInRequest; reply: Empty };
  "sign_in.cancel": { request: AttemptRequest; reply: Empty };
  "account.sign_out": { request: SignOutRequest; reply: SignOutView };
  "account.pause": { request: AccountRequest; reply: Empty };
  "account.resume": { request: AccountRequest; reply: Empty };
  "account.lock": { request: AccountRequest; reply: Empty };
  "account.unlock": { request: AccountRequest; reply: Empty };
  "account.choose_picture": { request: AccountRequest; reply: Empty };
  "account.remove_picture": { request: AccountRequest; reply: Empty };
  "sealed.restore": { request: SealedRequest; reply: Empty };
  "sealed.destroy": { request: SealedRequest; reply: ReceiptView };
  "sealed.keep": { request: KeepSealedRequest; reply: Empty };
  "group.create": { request: CreateGroupRequest; reply: GroupRequest };
  "group.update": { request: UpdateGroupRequest; reply: Empty };
  "group.delete": { request: GroupRequest; reply: Empty };
  "rail.reorder": { request: ReorderRequest; reply: Empty };
  "one_account.set": { request: OneAccountRequest; reply: Empty };
  "sessions.list": { request: Empty; reply: SessionsView };
  "session.support": { request: AccountRequest; reply: TextView };
  "session.devices": { request: AccountRequest; reply: DevicesView };
  "session.remove_device": { request: DeviceRequest; reply: DevicesView };
  "session.settings_page": { request: AccountRequest; reply: Empty };
  "separation.view": { request: Empty; reply: SeparationView };
  "separation.check": { request: Empty; reply: CheckReportView };
  "separation.save": { request: Empty; reply: SavedView };
  "identities.list": { request: AccountRequest; reply: IdentitiesView };
  "identity.add": { request: AddIdentityRequest; reply: AttemptView };
  "identity.remove": { request: RemoveIdentityRequest; reply: IdentitiesView };
  "link.begin": { request: LinkBeginRequest; reply: LinkRequest };
  "link.prove": { request: LinkProveRequest; reply: AttemptView };
  "link.swap": { request: LinkRequest; reply: Empty };
  "link.go_on": { request: LinkGoOnRequest; reply: Empty };
  "link.back": { request: LinkRequest; reply: Empty };
  "link.look_again": { request: LinkRequest; reply: Empty };
  "link.settle": { request: LinkSettleRequest; reply: Empty };
  "link.export": { request: LinkExportRequest; reply: Empty };
  "link.confirm": { request: LinkConfirmRequest; reply: Empty };
  "link.cancel": { request: LinkRequest; reply: Empty };
  "link.recovery_pack": { request: JournalRequest; reply: SavedView };
  "account.removal": { request: AccountRequest; reply: RemovalView };
  "account.remove": { request: AccountRequest; reply: ReceiptView };
  "account.kept_texts": { request: AccountRequest; reply: KeptTextsView };
  "account.keep_texts": { request: KeepTextsRequest; reply: Empty };
  "account.update": { request: UpdateAccountRequest; reply: Empty };
  "account.sync": { request: SyncRequest; reply: Empty };
  "list.window": { request: ListWindowRequest; reply: Empty };
  "message.load": { request: MessageRequest; reply: Empty };
  "message.mark": { request: MarkRequest; reply: Empty };
  "attachment.open": { request: AttachmentRequest; reply: Empty };
  "attachment.save": { request: AttachmentRequest; reply: SavedView };
};

export type Feeds = {
  "app": { open: Empty; event: AppEvent };
  "accounts": { open: Empty; event: AccountsEvent };
  "sign_in": { open: AttemptRequest; event: SignInEvent };
  "link": { open: LinkRequest; event: LinkEvent };
  "list": { open: ListRequest; event: ListEvent };
  "conversation": { open: ConversationRequest; event: ConversationEvent };
};

