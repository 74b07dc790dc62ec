//! The engine on real stores, against servers in memory.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod exporting;
#[cfg(test)]
mod first_sync;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod marks;
#[cfg(test)]
mod merged_list;
#[cfg(test)]
mod pausing;
#[cfg(test)]
mod push;
#[cfg(test)]
mod real;
#[cfg(test)]
mod search_full_disk;
#[cfg(test)]
mod search_truth;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod separation;
#[cfg(test)]
mod server;
#[cfg(test)]
mod server_search;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod world;
