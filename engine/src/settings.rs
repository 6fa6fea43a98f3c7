//! Every setting of Quern, declared once: `SET`/`SHOW`, `config/quern.toml` and `docs/settings.md`
//! all come from [`SETTINGS`], and a test fails when a generated page is stale.
//!
//! Values are kept as the text the user wrote, checked when set; the typed readers parse again,
//! which costs nothing against a query.

mod limits;
mod pages;
mod value;

pub use limits::Limits;
pub use pages::{reference_page, sample_file};
pub use value::{format_bytes, parse_bytes, parse_duration_ms};

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// When a setting can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// By `SET`, for one session.
    Session,
    /// By the command line or the configuration file, when the process starts.
    Start,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueType {
    /// A size such as `512MiB`, `2GB` or a plain number of bytes; `auto` where the default says so.
    Bytes,
    /// A whole number of at least one; `auto` where the default says so.
    Count,
    /// A duration such as `30s`, `5min` or a plain number of milliseconds; 0 means none.
    Duration,
    Text,
    /// A time zone: an IANA name such as `Europe/Berlin`, or an offset such as `+02:00`.
    TimeZone,
    /// A comma-separated list of schema names.
    SchemaList,
    /// Text that is never shown again.
    Secret,
}

impl ValueType {
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Bytes => "bytes",
            ValueType::Count => "count",
            ValueType::Duration => "duration",
            ValueType::Text => "text",
            ValueType::TimeZone => "time zone",
            ValueType::SchemaList => "list of schemas",
            ValueType::Secret => "secret text",
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

pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "application_name",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "Name of the client program, shown in system.queries.",
    },
    Setting {
        name: "quern.aws_access_key_id",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "Access key of S3, for tables that are made without one. Empty takes AWS_ACCESS_KEY_ID.",
    },
    Setting {
        name: "quern.aws_endpoint",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "URL of a service that speaks S3. Empty takes AWS_ENDPOINT_URL, and without that Amazon's.",
    },
    Setting {
        name: "quern.aws_region",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "Region of S3's buckets. Empty takes AWS_REGION, and without that us-east-1.",
    },
    Setting {
        name: "quern.aws_secret_access_key",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "Secret of the access key. Empty takes AWS_SECRET_ACCESS_KEY.",
    },
    Setting {
        name: "quern.aws_session_token",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "Token of temporary credentials. Empty takes AWS_SESSION_TOKEN.",
    },
    Setting {
        name: "quern.azure_storage_account_key",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "Key of the Azure storage account. Empty takes AZURE_STORAGE_ACCOUNT_KEY.",
    },
    Setting {
        name: "quern.azure_storage_account_name",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "Azure storage account that az:// containers are in. Empty takes AZURE_STORAGE_ACCOUNT_NAME.",
    },
    Setting {
        name: "quern.azure_storage_sas_key",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "Shared access signature, instead of the account's key. Empty takes AZURE_STORAGE_SAS_KEY.",
    },
    Setting {
        name: "quern.batch_size",
        value_type: ValueType::Count,
        default: "8192",
        scope: Scope::Session,
        doc: "Rows that an operator handles at a time. Smaller batches need less memory, larger ones less time.",
    },
    Setting {
        name: "quern.data_dir",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Start,
        doc: "Folder of the catalog. Without one the catalog is in memory and ends with the process.",
    },
    Setting {
        name: "quern.google_service_account",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "File with the key of a Google service account. Empty takes GOOGLE_SERVICE_ACCOUNT.",
    },
    Setting {
        name: "quern.google_service_account_key",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Session,
        doc: "The text of such a file. Empty takes GOOGLE_SERVICE_ACCOUNT_KEY.",
    },
    Setting {
        name: "quern.memory_limit",
        value_type: ValueType::Bytes,
        default: "auto",
        scope: Scope::Start,
        doc: "Memory that all running queries share; beyond it operators spill to disk. `auto` is 60 % of what the \
              container or the machine allows.",
    },
    Setting {
        name: "quern.spill_dir",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Start,
        doc: "Folder for what queries spill. Empty means the temporary folder of the system. Its files are removed \
              when the query ends.",
    },
    Setting {
        name: "quern.spill_limit",
        value_type: ValueType::Bytes,
        default: "100GiB",
        scope: Scope::Start,
        doc: "Disk space that all running queries may use for spilling.",
    },
    Setting {
        name: "quern.store_retry_timeout",
        value_type: ValueType::Duration,
        default: "1min",
        scope: Scope::Session,
        doc: "How long a failing request to an object store is repeated before the query fails. 0 means not at all.",
    },
    Setting {
        name: "quern.store_timeout",
        value_type: ValueType::Duration,
        default: "20s",
        scope: Scope::Session,
        doc: "How long an object store may be silent before the request is repeated: until it answers, and between two \
              pieces of a file.",
    },
    Setting {
        name: "quern.threads",
        value_type: ValueType::Count,
        default: "auto",
        scope: Scope::Session,
        doc: "Partitions that a query runs side by side. `auto` is the number of cores.",
    },
    Setting {
        name: "quern.warehouse",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Start,
        doc: "Folder of the tables that Quern stores, on this machine or in an object store such as s3://bucket/folder. Empty takes the folder warehouse in the data folder.",
    },
    Setting {
        name: "search_path",
        value_type: ValueType::SchemaList,
        default: "public",
        scope: Scope::Session,
        doc: "Schemas in which unqualified names are looked up, in order; new objects go to the first.",
    },
    Setting {
        name: "statement_timeout",
        value_type: ValueType::Duration,
        default: "0",
        scope: Scope::Session,
        doc: "Time after which a statement is cancelled; a plain number is milliseconds, 0 means never.",
    },
    Setting {
        name: "timezone",
        value_type: ValueType::TimeZone,
        default: "UTC",
        scope: Scope::Session,
        doc: "Time zone of now(), current_date and of timestamps without a zone that become zoned.",
    },
];

/// The settings of an engine or a session: what was set, over the defaults.
#[derive(Clone, Default)]
pub struct Settings {
    changed: BTreeMap<&'static str, String>,
}

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
        let wanted = name.to_ascii_lowercase();
        SETTINGS
            .iter()
            .find(|s| s.name == wanted || s.name.strip_prefix("quern.") == Some(&wanted))
            .ok_or_else(|| {
                Error::new(
                    Kind::UndefinedObject,
                    format!("unrecognized configuration parameter \"{name}\""),
                )
                .candidates(&wanted, SETTINGS.iter().map(|s| s.name))
            })
    }

    /// Sets a value when the process starts: every setting is allowed.
    pub fn set_at_start(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = Self::declaration(name)?;
        value::check(setting, value)?;
        self.changed.insert(setting.name, value.trim().to_string());
        Ok(())
    }

    /// Sets a value in a running session.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = Self::declaration(name)?;
        if setting.scope == Scope::Start {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                format!("{} can be set only at start", setting.name),
            )
            .hint("Give it on the command line (--set) or in the configuration file."));
        }
        self.set_at_start(name, value)
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
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.text("quern.threads")
            .parse()
            .unwrap_or_else(|_| cores())
    }

    /// The settings that say how object stores are reached, under the stores' own names. Secrets
    /// are among them.
    pub fn store_values(&self) -> Vec<(&'static str, String)> {
        let names = SETTINGS.iter().filter_map(|setting| {
            let name = setting.name.strip_prefix("quern.")?;
            let of_store = ["aws_", "azure_", "google_"];
            let is_one = of_store.iter().any(|prefix| name.starts_with(prefix));
            is_one.then(|| (name, self.raw(setting).to_string()))
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

    pub fn statement_timeout(&self) -> Option<Duration> {
        parse_duration_ms(self.text("statement_timeout"))
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
    }

    pub fn timezone(&self) -> &str {
        self.text("timezone")
    }
}
