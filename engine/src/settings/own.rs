//! The settings of Quern itself, in alphabetical order.

use super::{Scope, Setting, ValueType};

pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "application_name",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Session,
        doc: "Name of the client program, shown in system.queries.",
    },
    Setting {
        name: "idle_in_transaction_session_timeout",
        value_type: ValueType::Duration,
        default: "0",
        scope: Scope::Session,
        doc: "Time after which a server ends a session that does nothing within a transaction; 0 means never.",
    },
    Setting {
        name: "idle_session_timeout",
        value_type: ValueType::Duration,
        default: "0",
        scope: Scope::Session,
        doc: "Time after which a server ends a session that does nothing; 0 means never.",
    },
    Setting {
        name: "quern.allowed_locations",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Start,
        doc: "Folders of the server and URLs, separated by commas, whose files every user may read and write by name. \
              Others only superusers may name.",
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
        value_type: ValueType::CountTo(65_536),
        default: "8192",
        scope: Scope::Session,
        doc: "Rows that an operator handles at a time, at most 65536. Smaller batches need less memory, larger ones less \
              time.",
    },
    Setting {
        name: "quern.broadcast_limit",
        value_type: ValueType::Bytes,
        default: "32MiB",
        scope: Scope::Session,
        doc: "On a cluster, the side of a join that is estimated to be smaller is sent whole to every task; larger ones \
              are dealt out by the join's keys.",
    },
    Setting {
        name: "quern.cluster_secret",
        value_type: ValueType::Secret,
        default: "",
        scope: Scope::Start,
        doc: "What the coordinator and the executors of a cluster must have in common. Empty takes QUERN_CLUSTER_SECRET. \
              With one, everything between them is encrypted, and nobody else is let in.",
    },
    Setting {
        name: "quern.data_dir",
        value_type: ValueType::Text,
        default: "",
        scope: Scope::Start,
        doc: "Folder of the catalog. Without one the catalog is in memory and ends with the process.",
    },
    Setting {
        name: "quern.distribute_from",
        value_type: ValueType::Bytes,
        default: "256MiB",
        scope: Scope::Session,
        doc: "With `quern.execution = auto`, queries that scan at least as much run on the cluster; smaller ones are faster \
              in the coordinator.",
    },
    Setting {
        name: "quern.execution",
        value_type: ValueType::Choice(&["auto", "local", "cluster"]),
        default: "auto",
        scope: Scope::Session,
        doc: "Where queries run: in the process that takes them (`local`), on the cluster (`cluster`), or where they are \
              likely to be faster (`auto`). What cannot run on the cluster runs locally, with a NOTICE that says why.",
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
        name: "quern.login_wait",
        value_type: ValueType::Duration,
        default: "1min",
        scope: Scope::Start,
        doc: "How long logins of a user from an address are refused after too many that failed; 0 means not at all.",
    },
    Setting {
        name: "quern.max_connections",
        value_type: ValueType::Count,
        default: "10000",
        scope: Scope::Start,
        doc: "Sessions that a server takes at a time; a further one is refused with 53300. Three of them are kept for \
              superusers.",
    },
    Setting {
        name: "quern.max_login_failures",
        value_type: ValueType::Count,
        default: "10",
        scope: Scope::Start,
        doc: "So many logins of a user from an address may fail, one after another, each within quern.login_wait of the \
              one before; then none is tried for that time.",
    },
    Setting {
        name: "quern.max_message_size",
        value_type: ValueType::Bytes,
        default: "64MiB",
        scope: Scope::Start,
        doc: "Size of one message that a server takes from a client: a statement, the values of its parameters, a piece \
              of COPY.",
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
        name: "quern.progress_interval",
        value_type: ValueType::Duration,
        default: "10s",
        scope: Scope::Session,
        doc: "How often clients of the PostgreSQL protocol are told, as a NOTICE, how far a statement is that takes \
              longer; 0 means never.",
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
        name: "quern.stall_timeout",
        value_type: ValueType::Duration,
        default: "10min",
        scope: Scope::Session,
        doc: "On a cluster, a query of which no task has ended for so long, although tasks are said to run, is submitted \
              again. 0 means never.",
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
        name: "quern.shutdown_timeout",
        value_type: ValueType::Duration,
        default: "30s",
        scope: Scope::Start,
        doc: "How long a server that is told to end waits for statements that run; then it cancels them. An executor of \
              a cluster waits so long for jobs that need it.",
    },
    Setting {
        name: "quern.struct_as",
        value_type: ValueType::Choice(&["record", "json"]),
        default: "record",
        scope: Scope::Session,
        doc: "What structs are for clients of the PostgreSQL protocol: composite values, or jsonb for those that cannot \
              read them.",
    },
    Setting {
        name: "quern.threads",
        value_type: ValueType::CountTo(1024),
        default: "auto",
        scope: Scope::Session,
        doc: "Partitions that a query runs side by side. `auto` is the number of cores. `SET` takes four times that, or \
              as many as the process was started with if they are more.",
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
        name: "TimeZone",
        value_type: ValueType::TimeZone,
        default: "UTC",
        scope: Scope::Session,
        doc: "Time zone of now(), current_date and of timestamps without a zone that become zoned.",
    },
];
