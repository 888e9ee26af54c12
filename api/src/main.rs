fn main() { println!("tiffin"); }
