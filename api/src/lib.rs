//! Tiffin
