//! The server's configuration: JMAP and LMTP, no passwords, no background work.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::{PROGRAMS, pem};

/// Folders that must exist before the first start.
const FOLDERS: [&str; 8] = [
    "conf",
    "conf/db",
    "conf/log",
    "conf/proc",
    "conf/socket",
    "jwt",
    "run",
    "spool",
];

pub(super) fn write(
    folder: &Path,
    http: SocketAddr,
    smtp: SocketAddr,
    user: &str,
    secret: &[u8; 32],
) -> io::Result<()> {
    for name in FOLDERS {
        fs::create_dir(folder.join(name))?;
    }
    fs::write(folder.join("jwt/key.pem"), pem(secret))?;
    fs::write(folder.join("imapd.conf"), imapd_conf(folder, smtp, user))?;
    fs::write(folder.join("cyrus.conf"), cyrus_conf(folder, http))
}

fn imapd_conf(folder: &Path, smtp: SocketAddr, user: &str) -> String {
    let folder = folder.display();
    format!(
        "cyrus_user: {user}
configdirectory: {folder}/conf
partition-default: {folder}/spool
defaultpartition: default
sievedir: {folder}/sieve
proc_path: {folder}/run/proc
mboxname_lockpath: {folder}/run/lock
lmtpsocket: {folder}/run/lmtp
idlesocket: {folder}/run/idle
notifysocket: {folder}/run/notify
servername: localhost
admins: cyrus
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
defaultdomain: internal
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_post: yes
autocreate_inbox_folders: Archive | Drafts | Sent | Junk | Trash
autocreate_subscribe_folders: Archive | Drafts | Sent | Junk | Trash
xlist-archive: Archive
xlist-drafts: Drafts
xlist-sent: Sent
xlist-junk: Junk
xlist-trash: Trash
httpmodules: jmap
conversations: yes
conversations_db: twoskip
jmap_vacation: no
jmap_nonstandard_extensions: no
jmapsubmission_deleteonsend: no
http_jwt_key_dir: {folder}/jwt
smtp_backend: host
smtp_host: {smtp}/noauth
syslog_prefix: braidtest
"
    )
}

fn cyrus_conf(folder: &Path, http: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "START {{
  recover cmd=\"{PROGRAMS}/ctl_cyrusdb -r -C {folder}/imapd.conf\"
}}
SERVICES {{
  http cmd=\"{PROGRAMS}/httpd -C {folder}/imapd.conf\" listen=\"{http}\" proto=\"tcp4\" prefork=2
  lmtp cmd=\"{PROGRAMS}/lmtpd -a -C {folder}/imapd.conf\" listen=\"{folder}/run/lmtp\" prefork=0
}}
"
    )
}
