//! Synchronisation, the person's actions, and the merged view.
