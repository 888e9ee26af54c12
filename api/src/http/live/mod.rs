//! Live connections: websockets and streamed answers, and what they have in common. A place is admitted, whoever uses it is attended, and
//! the operations on it run, until there is a reason to end.

pub mod admission;
pub mod attendance;
mod ended;
mod operation;
pub mod rights_check;
pub mod streamed;
pub mod websocket;
