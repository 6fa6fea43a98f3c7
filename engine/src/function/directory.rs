//! What functions such as `format_type`, `to_regclass` and `pg_terminate_backend` ask the engine.
//!
//! Functions have no state: the statement's own [`Directory`] travels with DataFusion's options, as
//! [`crate::settings::Limits`] do. Without one (a test of functions, an executor), objects are unknown.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::common::Result as PlanResult;
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};

use futures::future::BoxFuture;

use crate::error::{Error, Result};

/// Kinds of objects that have OIDs of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Relation,
    Type,
    Function,
    Namespace,
    Role,
    Collation,
}

/// What a statement can ask of the catalog, the registry and its session.
pub trait Directory: Debug + Send + Sync {
    /// The OID of a name as SQL writes it, qualified or along the search path.
    fn oid(&self, class: Class, name: &str) -> Option<u32>;
    /// The name as SQL writes it: qualified only where the search path does not lead to it.
    fn name(&self, class: Class, oid: u32) -> Option<String>;
    /// Whether the object is found without its schema; `None` when there is none.
    fn is_visible(&self, class: Class, oid: u32) -> Option<bool>;
    /// The query of a view.
    fn view_definition(&self, oid: u32) -> Option<String>;
    /// The description of an object: `catalog` is the relation that it stands in.
    fn description(&self, catalog: &str, oid: u32) -> Option<String>;
    /// What the parentheses of a call of the function take.
    fn arguments(&self, oid: u32) -> Option<String>;
    fn user(&self) -> String;
    fn is_superuser(&self) -> bool;
    /// Whether the user may do this with a relation or schema; `None` when there is none.
    fn allows(&self, user: &str, class: Class, oid: u32, privilege: &str) -> Option<bool>;
    fn schemas(&self, with_implicit: bool) -> Vec<String>;
    /// The OID of the session's schema of temporary tables, if it has one.
    fn temporary_schema(&self) -> Option<u32>;
    /// The number that stands for this session.
    fn backend_pid(&self) -> i32;
    /// Ends what a session or statement runs; false when there is none.
    fn cancel(&self, pid: i64) -> Result<bool>;
    /// Sets a setting of the session or of the transaction, and gives its value.
    fn set(&self, name: &str, value: &str, local: bool) -> Result<String>;
    /// What the table takes on disk; `None` when there is no such relation.
    fn bytes(&self, oid: u32) -> BoxFuture<'static, Result<Option<i64>>>;
    /// When the process began, in microseconds since 1970.
    fn started_us(&self) -> i64;
}

/// The directory of a statement, as an extension of DataFusion's options.
#[derive(Debug, Clone, Default)]
pub struct DirectoryOption(pub Option<Arc<dyn Directory>>);

impl ExtensionOptions for DirectoryOption {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> PlanResult<()> {
        Err(Error::unsupported(format!("the option {key}")).into())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

impl ConfigExtension for DirectoryOption {
    const PREFIX: &'static str = "quern_directory";
}

/// The directory that the options carry.
pub(crate) fn directory(config: &ConfigOptions) -> Option<&dyn Directory> {
    config
        .extensions
        .get::<DirectoryOption>()
        .and_then(|option| option.0.as_deref())
}
