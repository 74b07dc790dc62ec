//! The engine on real stores, against servers in memory.

mod bodies;
mod changes;
mod conversation;
mod first_sync;
mod isolation;
mod marks;
mod merged_list;
mod push;
mod server;
mod world;
