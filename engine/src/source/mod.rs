//! Files and stores that tables read: one file per format.
