//! The one error type of the engine: what happened, where in the SQL, and what to do about it.
//!
//! Every error that a user can see is an [`Error`]. Its [`Kind`] fixes the SQLSTATE, so each code
//! is declared once, here. Errors of DataFusion, Arrow and the file system become ours in
//! [`convert`]; an [`Error`] that has to travel through DataFusion is boxed as
//! `DataFusionError::External` and comes out again unchanged.

mod candidates;
mod convert;
mod page;

pub use candidates::nearest;
pub(crate) use convert::{cancelled, regular_expression, strip_location};
pub use page::reference_page;

use std::fmt;

use datafusion::common::DataFusionError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// What kind of error it is; the doc of each says what the caller does next.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[doc = $doc])+ $name),+ }

        impl Kind {
            /// Every kind with its SQLSTATE and the advice of its doc: the source of docs/errors.md.
            pub const ALL: &'static [(Kind, &'static str, &'static str)] =
                &[$((Kind::$name, $code, concat!($($doc),+))),+];

            /// The five-character SQLSTATE that clients see.
            pub fn sqlstate(self) -> &'static str {
                match self { $(Kind::$name => $code),+ }
            }

            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => stringify!($name)),+ }
            }
        }
    };
}

kinds! {
    /// The text is not SQL we know: correct the statement at the position.
    Syntax = "42601",
    /// No such table or view: correct the name, or create it; the hint names the nearest ones.
    UndefinedTable = "42P01",
    /// No such column: correct the name; the hint names the nearest ones.
    UndefinedColumn = "42703",
    /// The column name fits several relations: qualify it.
    AmbiguousColumn = "42702",
    /// No function of that name takes these arguments: correct the name or cast the arguments.
    UndefinedFunction = "42883",
    /// No such setting, option, prepared statement or query: correct the name.
    UndefinedObject = "42704",
    /// No such schema: correct the name, or create it.
    UndefinedSchema = "3F000",
    /// No such catalog: there is one, `quern`.
    UndefinedCatalog = "3D000",
    /// A parameter `$n` has no value or its type cannot be told: pass a value or cast the parameter.
    UndefinedParameter = "42P02",
    /// The table or view exists already: choose another name, or say IF NOT EXISTS or OR REPLACE.
    DuplicateTable = "42P07",
    /// The schema exists already.
    DuplicateSchema = "42P06",
    /// The object (a prepared statement, for instance) exists already.
    DuplicateObject = "42710",
    /// Two relations of a statement have one name: give one another with AS.
    DuplicateAlias = "42712",
    /// The same column is named twice where names must differ.
    DuplicateColumn = "42701",
    /// Other objects depend on it: drop them first, or say CASCADE.
    DependentObjects = "2BP01",
    /// The object is of another kind than the statement needs (a view where a table is due).
    WrongObjectType = "42809",
    /// Types do not fit together: cast one side.
    TypeMismatch = "42804",
    /// A column outside GROUP BY is used without an aggregate: group by it or aggregate it.
    Grouping = "42803",
    /// A window function stands where none may: move it to the SELECT list or ORDER BY.
    Windowing = "42P20",
    /// The plan of the statement contradicts itself: read the message.
    InvalidStatement = "42P10",
    /// A view or recursive query refers to itself without end.
    InvalidRecursion = "42P19",
    /// The definition of a table or view is not usable: correct the statement.
    InvalidTableDefinition = "42P16",
    /// A value of a setting or option is not allowed: the hint lists what is.
    InvalidParameterValue = "22023",
    /// The setting does not change in a session: set it at start, or leave it.
    FixedSetting = "55P02",
    /// A division by zero: guard it with NULLIF or a WHERE condition.
    DivisionByZero = "22012",
    /// Text does not read as the type: correct the value, or use TRY_CAST for NULL.
    InvalidText = "22P02",
    /// A number is out of its type's range: cast to a wider type first.
    OutOfRange = "22003",
    /// A date or time is out of range or does not fit its format.
    InvalidDatetime = "22008",
    /// A regular expression cannot be read: the message says where it ends to make sense.
    InvalidRegularExpression = "2201B",
    /// A NULL for a column that is NOT NULL: give a value.
    NotNullViolation = "23502",
    /// Another writer changed the same table: run the statement again.
    Serialization = "40001",
    /// A scalar subquery gave more than one row (add LIMIT 1 or an aggregate), or MERGE met one twice.
    Cardinality = "21000",
    /// The data of a file does not fit its declared format or type: the message names file and place.
    BadData = "22P04",
    /// A model cannot learn from these rows, or say anything of them: the message names the column.
    InvalidRows = "22000",
    /// The file of a model is damaged, or is none: train or import it again.
    DamagedModel = "XX001",
    /// The query was cancelled, by the user or by its time limit: run it again if you need it.
    Cancelled = "57014",
    /// An earlier statement of the transaction failed: end it with ROLLBACK.
    FailedTransaction = "25P02",
    /// The statement cannot run in a transaction: end it first.
    ActiveTransaction = "25001",
    /// The statement is for transactions only: say BEGIN first.
    NoTransaction = "25P01",
    /// The transaction may only read: begin one that may write.
    ReadOnlyTransaction = "25006",
    /// No such savepoint in this transaction: correct the name.
    UndefinedSavepoint = "3B001",
    /// Memory is used up even after spilling: raise the limit or make the query smaller.
    OutOfMemory = "53200",
    /// Spill space or disk is used up: free space or raise the spill limit.
    DiskFull = "53100",
    /// A value or a statement is longer than the engine accepts: make it smaller.
    LimitExceeded = "54000",
    /// The result has more columns than a client can take: name those you need.
    TooManyColumns = "54011",
    /// The statement is larger or deeper than the engine accepts: split it.
    TooComplex = "54001",
    /// The server cannot be reached, or the connection to it ended: check host, port and network.
    Connection = "08006",
    /// The client does not keep to the protocol: a defect of the client.
    ProtocolViolation = "08P01",
    /// Text that is not UTF-8: set the client's encoding.
    InvalidEncoding = "22021",
    /// Bytes of a binary value that cannot be one of its type.
    InvalidBinary = "22P03",
    /// No such prepared statement in this session.
    UndefinedStatement = "26000",
    /// The prepared statement exists already: choose another name, or DEALLOCATE it.
    DuplicateStatement = "42P05",
    /// No such cursor or portal in this session.
    UndefinedCursor = "34000",
    /// The cursor exists already: choose another name, or CLOSE it.
    DuplicateCursor = "42P03",
    /// The object cannot do this, in its state.
    WrongState = "55000",
    /// The user may not log in, or not in this way.
    InvalidAuthorization = "28000",
    /// Wrong password, or no such user.
    InvalidPassword = "28P01",
    /// The server has as many connections as it may: try again later, or raise quern.max_connections.
    TooManyConnections = "53300",
    /// The server is being shut down: connect again.
    Shutdown = "57P01",
    /// The session did nothing for longer than idle_session_timeout: connect again.
    IdleSession = "57P05",
    /// The transaction did nothing for longer than idle_in_transaction_session_timeout.
    IdleTransaction = "25P03",
    /// Not allowed for this user.
    Privilege = "42501",
    /// The name belongs to the system: choose another one.
    ReservedName = "42939",
    /// The privilege is none of the object's kind, or a role would be a member of itself.
    InvalidGrant = "0LP01",
    /// The object is in use: it cannot be dropped now.
    ObjectInUse = "55006",
    /// The object store does not accept the credentials, or there are none: give the right ones.
    StoreCredentials = "28000",
    /// SQL we understand but do not do (yet): the hint names the alternative.
    Unsupported = "0A000",
    /// A file or object store failed: check the path, its rights and the network, then try again.
    Io = "58030",
    /// No such file: check the path.
    UndefinedFile = "58P01",
    /// A bug of ours: report it with the statement.
    Internal = "XX000",
}

/// An error as the user sees it: PostgreSQL's fields, no more.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// 1-based position in characters, in the text that was given to the session.
    pub position: Option<usize>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the position unless a more precise place is known already.
    pub fn at(mut self, position: impl Into<Option<usize>>) -> Self {
        self.position = self.position.or(position.into());
        self
    }

    /// Adds "Did you mean …?" from the names that are nearest to `name`, if any is near.
    pub fn candidates<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, known).as_slice() {
            [] => self,
            near => {
                let list: Vec<_> = near.iter().map(|n| format!("\"{n}\"")).collect();
                self.hint(format!("Did you mean {}?", list.join(" or ")))
            }
        }
    }

    pub fn sqlstate(&self) -> &'static str {
        self.kind.sqlstate()
    }

    /// SQL that is understood but not supported.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(Kind::Unsupported, format!("{what} is not supported"))
    }

    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(Kind::Internal, what.to_string())
            .hint("This is a defect of Quern; please report it with the statement.")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
