//! Adding a version to a table's log: optimistic, again on top of other writers' versions.
//!
//! A version is one log entry that must not exist before. When another writer was faster, the
//! change still holds if the table's definition is the same and every file that it replaces is
//! still there: then it is committed on top. Otherwise the statement must run anew ([`Conflict`]).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, Metadata, Remove};
use deltalake_core::protocol::DeltaOperation;
use futures::TryStreamExt;
use serde_json::Value;

use super::files::Written;
use super::version::TableVersion;
use super::warehouse::{Place, Warehouse, Writing};
use super::{convert, files, writable};
use crate::error::{Error, Result};

/// In a log entry: tells our own entry from another writer's.
const OPERATION_ID: &str = "operationId";

/// Versions of other writers that a commit goes on top of before it gives up.
const ATTEMPTS: usize = 100;

/// A new version, relative to the one that was read.
#[derive(Debug)]
pub struct Change {
    pub operation: DeltaOperation,
    pub adds: Vec<Add>,
    /// Numbers of the files of the version that was read that are not in the new one, in order.
    pub removes: Vec<usize>,
    pub metadata: Option<Metadata>,
    /// Whether the table has other rows than before; not when they are only laid out anew.
    pub data_change: bool,
    /// What the history says of it: counts, mostly.
    pub notes: BTreeMap<&'static str, Value>,
}

/// Another writer changed what this change was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;

/// Commits a change of `base`; gives the new version's number. `writing` is held until it is known
/// what became of it, even if the statement is given up meanwhile.
pub async fn commit(
    warehouse: &Arc<Warehouse>,
    folder: &str,
    base: &TableVersion,
    mut change: Change,
    written: &Written,
    writing: Arc<Writing>,
) -> Result<Result<u64, Conflict>> {
    writable::check(base, !change.removes.is_empty() && change.data_change)?;
    let removes = base.removals(&change.removes, change.data_change)?;
    for add in &mut change.adds {
        add.data_change = change.data_change;
    }
    let place = warehouse.place(folder);
    sync_data(&place, written).await?;
    let entry = Entry {
        warehouse: Arc::clone(warehouse),
        folder: folder.to_string(),
        change,
        removes,
        id: uuid::Uuid::new_v4().to_string(),
    };
    let (base, written) = (base.clone(), written.clone());
    // From here on the log may name the files although the statement fails or is given up.
    written.keep();
    let task = async move {
        let _writing = writing;
        let done = entry.commit(&base).await;
        let is_certain = match &done {
            Ok(Ok(_)) => false,
            Ok(Err(Conflict)) => true,
            // On this machine's disk nothing appears later.
            Err(_) => place.local.is_some() && entry.is_missing(&base).await,
        };
        if is_certain {
            written.release(&place.store).await;
        }
        done
    };
    tokio::spawn(task).await.map_err(Error::internal)?
}

/// A change on its way into the log.
struct Entry {
    warehouse: Arc<Warehouse>,
    folder: String,
    change: Change,
    removes: Vec<Remove>,
    id: String,
}

impl Entry {
    async fn commit(&self, base: &TableVersion) -> Result<Result<u64, Conflict>> {
        let mut base = base.clone();
        for _ in 0..ATTEMPTS {
            match self.attempt(&base).await? {
                Ok(version) => {
                    sync_entry(&self.warehouse.place(&self.folder), version).await?;
                    return Ok(Ok(version));
                }
                Err(Conflict) => {
                    let newer = self.warehouse.latest(&self.folder).await?;
                    if let Some(version) = committed_as(&newer, &base, &self.id).await? {
                        return Ok(Ok(version));
                    }
                    if !holds_on(&newer, &base, &self.removes)? {
                        return Ok(Err(Conflict));
                    }
                    base = newer;
                }
            }
        }
        Ok(Err(Conflict))
    }

    /// Whether no version since `base` is this one, for certain.
    async fn is_missing(&self, base: &TableVersion) -> bool {
        let Ok(newer) = self.warehouse.latest(&self.folder).await else {
            return false;
        };
        matches!(committed_as(&newer, base, &self.id).await, Ok(None))
    }

    async fn attempt(&self, base: &TableVersion) -> Result<Result<u64, Conflict>> {
        let change = &self.change;
        let metadata = change.metadata.iter().cloned().map(Action::Metadata);
        let removes = self.removes.iter().cloned().map(Action::Remove);
        let adds = change.adds.iter().cloned().map(Action::Add);
        let notes = change.notes.iter().map(|(k, v)| (k.to_string(), v.clone()));
        let id = (OPERATION_ID.to_string(), Value::from(self.id.as_str()));
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false))
            .with_metadata(notes.chain([id]));
        let prepared = CommitBuilder::from(properties)
            .with_actions(metadata.chain(removes).chain(adds).collect())
            .build(
                Some(base.snapshot()?),
                self.warehouse.log_store(&self.folder)?,
                change.operation.clone(),
            )
            .into_prepared_commit_future()
            .await
            .map_err(convert::error)?;
        let committed = match prepared.await {
            Ok(committed) => committed,
            Err(error) if is_conflict(&error) => return Ok(Err(Conflict)),
            Err(error) => return Err(convert::error(error)),
        };
        let version = committed.version;
        // The version is there; a checkpoint only makes later reads faster.
        if let Err(error) = committed.await {
            tracing::warn!(folder = self.folder, version, %error, "no checkpoint of the table's log");
        }
        Ok(Ok(version))
    }
}

fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::MaxCommitAttempts(_)
                    | TransactionError::VersionAlreadyExists(_)
                    | TransactionError::CommitConflict(_)
            }
    )
}

/// The version under which an entry was written after all, when the store's answer was lost.
async fn committed_as(newer: &TableVersion, base: &TableVersion, id: &str) -> Result<Option<u64>> {
    let news = newer.version().saturating_sub(base.version());
    let news = usize::try_from(news).unwrap_or(usize::MAX);
    let infos: Vec<_> = newer
        .delta()
        .history(Some(news))
        .try_collect()
        .await
        .map_err(convert::error)?;
    let mut versions = (0..=newer.version()).rev().zip(infos);
    Ok(versions
        .find(|(_, info)| info.info.get(OPERATION_ID).and_then(Value::as_str) == Some(id))
        .map(|(version, _)| version))
}

/// Whether a change of `base` is one of `newer` as well.
fn holds_on(newer: &TableVersion, base: &TableVersion, removes: &[Remove]) -> Result<bool> {
    let (new, old) = (newer.snapshot()?, base.snapshot()?);
    if new.metadata() != old.metadata() || new.protocol() != old.protocol() {
        return Ok(false);
    }
    if removes.is_empty() {
        return Ok(true);
    }
    let log = new.log_data();
    let active: HashSet<String> = log.iter().map(|file| file.path().to_string()).collect();
    Ok(removes.iter().all(|remove| active.contains(&remove.path)))
}

/// Data must be on the disk before the entry that names it.
pub(super) async fn sync_data(place: &Place, written: &Written) -> Result<()> {
    if place.local.is_none() {
        return Ok(());
    }
    let paths = written.paths().into_iter();
    let local = paths.map(|path| std::path::PathBuf::from(format!("/{path}")));
    files::sync(local.collect()).await
}

pub(super) async fn sync_entry(place: &Place, version: u64) -> Result<()> {
    let Some(local) = &place.local else {
        return Ok(());
    };
    let entry = local.join("_delta_log").join(format!("{version:020}.json"));
    files::sync(vec![entry]).await.map_err(|error| Error {
        detail: Some("The change is committed, but may not survive a crash of the machine.".into()),
        ..error
    })
}
