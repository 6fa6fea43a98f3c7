//! Every setting of Quern, declared once: `SET`/`SHOW`, `config/quern.toml` and `docs/settings.md`
//! all come from [`SETTINGS`], and a test fails when a generated page is stale.
//!
//! Values are kept as the text the user wrote, checked when set; the typed readers parse again,
//! which costs nothing against a query.

mod limits;
mod own;
mod pages;
mod postgres;
mod routing;
mod value;

pub use limits::Limits;
pub use pages::{reference_page, sample_file};
pub use routing::{Place, Routing};
pub use value::{format_bytes, format_count, format_elapsed, parse_bytes, parse_duration_ms};

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// When a setting can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// By `SET`, for one session.
    Session,
    /// By the command line or the configuration file, when the process starts.
    Start,
    /// Never: it tells a client what to expect.
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueType {
    /// A size such as `512MiB`, `2GB` or a plain number of bytes; `auto` where the default says so.
    Bytes,
    /// A whole number of at least one; `auto` where the default says so.
    Count,
    /// The same up to a number.
    CountTo(u32),
    /// A duration such as `30s`, `5min` or a plain number of milliseconds; 0 means none.
    Duration,
    Text,
    /// A time zone: an IANA name such as `Europe/Berlin`, or an offset such as `+02:00`.
    TimeZone,
    /// A comma-separated list of schema names.
    SchemaList,
    /// Text that is never shown again.
    Secret,
    /// `on` or `off`, and PostgreSQL's other words for them.
    Switch,
    /// A whole number from the first to the second.
    Integer(i32, i32),
    /// One of these.
    Choice(&'static [&'static str]),
    /// `ISO` and the order of day and month, such as `ISO, MDY`.
    DateStyle,
}

impl ValueType {
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Bytes => "bytes",
            ValueType::Count | ValueType::CountTo(_) => "count",
            ValueType::Duration => "duration",
            ValueType::Text => "text",
            ValueType::TimeZone => "time zone",
            ValueType::SchemaList => "list of schemas",
            ValueType::Secret => "secret text",
            ValueType::Switch => "on or off",
            ValueType::Integer(..) => "integer",
            ValueType::Choice(_) => "one of a few words",
            ValueType::DateStyle => "date style",
        }
    }
}

#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub value_type: ValueType,
    pub default: &'static str,
    pub scope: Scope,
    pub doc: &'static str,
}

impl Setting {
    /// Whether it says how object stores are reached.
    fn is_of_stores(&self) -> bool {
        let name = self.name.strip_prefix("quern.").unwrap_or_default();
        let mut prefixes = ["aws_", "azure_", "google_"].iter();
        prefixes.any(|prefix| name.starts_with(prefix))
    }

    /// Whether it is of the transaction: it ends with it, whoever set it.
    pub fn is_of_transaction(&self) -> bool {
        self.name.starts_with("transaction_")
    }
}

/// All settings, in alphabetical order.
pub static SETTINGS: LazyLock<Vec<&'static Setting>> = LazyLock::new(|| {
    let mut all: Vec<_> = own::SETTINGS.iter().chain(postgres::SETTINGS).collect();
    all.sort_by_key(|s| s.name.to_lowercase());
    all
});

/// Settings by their names: as declared, in lower case, and without `quern.`.
static BY_NAME: LazyLock<HashMap<String, &'static Setting>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for setting in SETTINGS.iter().copied() {
        names.insert(setting.name.to_string(), setting);
        names.insert(setting.name.to_ascii_lowercase(), setting);
    }
    for setting in SETTINGS.iter().copied() {
        if let Some(short) = setting.name.strip_prefix("quern.") {
            names.entry(short.to_string()).or_insert(setting);
        }
    }
    names
});

/// The settings of an engine or a session: what was set, over the defaults.
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    changed: BTreeMap<&'static str, String>,
    /// What `quern.threads` was at the start; a session may ask for as many, whatever the machine has.
    threads_at_start: usize,
}

/// A longer value of a session's setting is no value, and every statement copies it.
const MAX_VALUE_BYTES: usize = 64 << 10;

/// Partitions that a session may ask for, for each core.
const THREADS_PER_CORE: usize = 4;

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changed = SETTINGS
            .iter()
            .filter(|s| self.changed.contains_key(s.name));
        let shown = changed.map(|s| (s.name, self.value(s)));
        f.debug_map().entries(shown).finish()
    }
}

impl Settings {
    /// The declaration of `name`, or 42704 with the nearest names.
    pub fn declaration(name: &str) -> Result<&'static Setting> {
        if let Some(setting) = BY_NAME.get(name) {
            return Ok(setting);
        }
        let wanted = name.to_ascii_lowercase();
        BY_NAME.get(&wanted).copied().ok_or_else(|| {
            Error::new(
                Kind::UndefinedObject,
                format!("unrecognized configuration parameter \"{name}\""),
            )
            .candidates(&wanted, SETTINGS.iter().map(|s| s.name))
        })
    }

    /// Sets a value when the process starts: every setting is allowed.
    pub fn set_at_start(&mut self, name: &str, value: &str) -> Result<()> {
        self.put(Self::declaration(name)?, value)?;
        self.threads_at_start = self.threads();
        Ok(())
    }

    fn put(&mut self, setting: &'static Setting, value: &str) -> Result<()> {
        let value = value::checked(setting, value)?;
        self.changed.insert(setting.name, value);
        Ok(())
    }

    /// Tells clients of a session something that they cannot change.
    pub fn tell(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = Self::declaration(name)?;
        self.changed.insert(setting.name, value.to_string());
        Ok(())
    }

    /// Sets a value in a running session.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = Self::declaration(name)?;
        let refused = |what| Error::new(Kind::FixedSetting, format!("{} {what}", setting.name));
        match setting.scope {
            Scope::Start => Err(refused("can be set only at start")
                .hint("Give it on the command line (--set) or in the configuration file.")),
            Scope::Fixed if !self.raw(setting).eq_ignore_ascii_case(value.trim()) => {
                Err(refused("cannot be changed"))
            }
            Scope::Fixed => Ok(()),
            Scope::Session => {
                self.bound(setting, value)?;
                self.put(setting, value)
            }
        }
    }

    /// What one session asks for must not take the server from the others.
    fn bound(&self, setting: &'static Setting, value: &str) -> Result<()> {
        let refused = |message: String| Err(Error::new(Kind::InvalidParameterValue, message));
        if value.len() > MAX_VALUE_BYTES {
            return refused(format!("the value of \"{}\" is too long", setting.name));
        }
        let most = (THREADS_PER_CORE * cores()).max(self.threads_at_start);
        match value.trim().parse::<usize>() {
            Ok(threads) if setting.name == "quern.threads" && threads > most => refused(format!(
                "{threads} is outside the valid range for parameter \"quern.threads\" (1 .. {most})"
            )),
            _ => Ok(()),
        }
    }

    /// Back to the value that `base` has.
    pub fn reset(&mut self, name: &str, base: &Settings) -> Result<()> {
        let setting = Self::declaration(name)?;
        match base.changed.get(setting.name) {
            Some(value) => self.changed.insert(setting.name, value.clone()),
            None => self.changed.remove(setting.name),
        };
        Ok(())
    }

    pub fn get(&self, name: &str) -> Result<&str> {
        Ok(self.value(Self::declaration(name)?))
    }

    /// The value as it may be shown: `***` for a secret.
    pub fn value(&self, setting: &'static Setting) -> &str {
        match (setting.value_type, self.raw(setting)) {
            (ValueType::Secret, secret) if !secret.is_empty() => "***",
            (_, value) => value,
        }
    }

    fn raw(&self, setting: &'static Setting) -> &str {
        self.changed
            .get(setting.name)
            .map_or(setting.default, String::as_str)
    }

    fn text(&self, name: &str) -> &str {
        Self::declaration(name).map_or("", |setting| self.raw(setting))
    }

    pub fn batch_size_rows(&self) -> usize {
        self.text("quern.batch_size").parse().unwrap_or(8192)
    }

    pub fn data_dir(&self) -> Option<&str> {
        Some(self.text("quern.data_dir")).filter(|d| !d.is_empty())
    }

    /// `None` means a folder in the data folder.
    pub fn warehouse(&self) -> Option<&str> {
        Some(self.text("quern.warehouse")).filter(|w| !w.is_empty())
    }

    /// `None` means `auto`.
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        parse_bytes(self.text("quern.memory_limit"))
    }

    pub fn spill_dir(&self) -> Option<&str> {
        Some(self.text("quern.spill_dir")).filter(|d| !d.is_empty())
    }

    pub fn spill_limit_bytes(&self) -> u64 {
        parse_bytes(self.text("quern.spill_limit")).unwrap_or(u64::MAX)
    }

    pub fn threads(&self) -> usize {
        self.text("quern.threads")
            .parse()
            .unwrap_or_else(|_| cores())
    }

    /// Files and URLs that users who are no superusers may name.
    pub fn allowed_locations(&self) -> std::sync::Arc<[String]> {
        let listed = self.text("quern.allowed_locations").split(',');
        let listed = listed.map(str::trim).filter(|text| !text.is_empty());
        listed.map(str::to_string).collect()
    }

    /// Fails for a setting that only superusers change: how object stores are reached.
    pub fn allow(name: &str, superuser: bool) -> Result<()> {
        match Self::declaration(name) {
            Ok(setting) if !superuser && setting.is_of_stores() => Err(Error::new(
                Kind::Privilege,
                format!("permission denied to set parameter \"{name}\""),
            )
            .hint("The administrator says how object stores are reached.")),
            _ => Ok(()),
        }
    }

    /// The settings that say how object stores are reached, under the stores' own names. Secrets
    /// are among them.
    pub fn store_values(&self) -> Vec<(&'static str, String)> {
        let names = SETTINGS.iter().filter_map(|setting| {
            let name = setting.name.strip_prefix("quern.")?;
            setting
                .is_of_stores()
                .then(|| (name, self.raw(setting).to_string()))
        });
        names.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// How long a store may be silent.
    pub fn store_timeout(&self) -> Duration {
        let ms = parse_duration_ms(self.text("quern.store_timeout")).unwrap_or(20_000);
        match ms {
            // As elsewhere, 0 means no limit.
            0 => Duration::from_secs(24 * 3600),
            ms => Duration::from_millis(ms),
        }
    }

    /// How long a request to a store is repeated.
    pub fn store_retry_timeout(&self) -> Duration {
        let ms = parse_duration_ms(self.text("quern.store_retry_timeout")).unwrap_or(60_000);
        Duration::from_millis(ms)
    }

    /// Schemas in the order of look-up; never empty.
    pub fn search_path(&self) -> Vec<String> {
        let path = value::schema_list(self.text("search_path"));
        if path.is_empty() {
            vec!["public".to_string()]
        } else {
            path
        }
    }

    /// Where queries of a session run.
    pub fn routing(&self) -> Routing {
        let bytes = |name| parse_bytes(self.text(name)).unwrap_or(u64::MAX);
        let stall_ms = parse_duration_ms(self.text("quern.stall_timeout"));
        Routing {
            place: Place::named(self.text("quern.execution")),
            from_bytes: bytes("quern.distribute_from"),
            broadcast_bytes: bytes("quern.broadcast_limit"),
            stall: stall_ms.filter(|ms| *ms > 0).map(Duration::from_millis),
        }
    }

    /// `None` when coordinator and executors have nothing in common.
    pub fn cluster_secret(&self) -> Option<&str> {
        Some(self.text("quern.cluster_secret")).filter(|secret| !secret.is_empty())
    }

    pub fn statement_timeout(&self) -> Option<Duration> {
        parse_duration_ms(self.text("statement_timeout"))
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
    }

    pub fn idle_timeout(&self, in_transaction: bool) -> Option<Duration> {
        let name = match in_transaction {
            true => "idle_in_transaction_session_timeout",
            false => "idle_session_timeout",
        };
        parse_duration_ms(self.text(name))
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
    }

    /// `None` when clients are not to be told of progress.
    pub fn progress_interval(&self) -> Option<Duration> {
        parse_duration_ms(self.text("quern.progress_interval"))
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
    }

    pub fn max_connections(&self) -> usize {
        self.text("quern.max_connections").parse().unwrap_or(10_000)
    }

    /// So many logins of a user from an address may fail; then they wait.
    pub fn max_login_failures(&self) -> u32 {
        let most = self.text("quern.max_login_failures").parse();
        most.unwrap_or(u32::MAX)
    }

    pub fn login_wait(&self) -> Duration {
        let ms = parse_duration_ms(self.text("quern.login_wait")).unwrap_or(60_000);
        Duration::from_millis(ms)
    }

    pub fn max_message_bytes(&self) -> usize {
        let bytes = parse_bytes(self.text("quern.max_message_size"));
        bytes.unwrap_or(64 << 20).min(1 << 30) as usize
    }

    pub fn shutdown_timeout(&self) -> Duration {
        let ms = parse_duration_ms(self.text("quern.shutdown_timeout")).unwrap_or(30_000);
        Duration::from_millis(ms)
    }

    /// Whether transactions that do not say otherwise may only read.
    pub fn read_only(&self, in_transaction: bool) -> bool {
        let name = match in_transaction {
            true => "transaction_read_only",
            false => "default_transaction_read_only",
        };
        self.text(name) == "on"
    }

    pub fn timezone(&self) -> &str {
        self.text("timezone")
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
