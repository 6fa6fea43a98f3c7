//! Model classes.
