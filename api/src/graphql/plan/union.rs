//! Levels of objects of several types, and unions of them.

use super::Level;

/// Puts together the answers for a level whose values are of several types, each type answered for by itself.
pub struct Mixed {
    /// Where the answer for each value stands: of which type's level, and at which place there.
    places: Vec<Option<(usize, usize)>>,
    levels: Vec<Level>,
}

impl Mixed {
    /// A level of so many values, none of which is answered for yet.
    pub fn of(values: usize) -> Self {
        Mixed { places: vec![None; values], levels: Vec::new() }
    }

    /// The keys of the values of one type, which are those that `key` gives a key for. Unless there are none, the next call has to be
    /// [`Mixed::answered`] with their answers.
    pub fn those<T, K>(&mut self, values: &[T], key: impl Fn(&T) -> Option<K>) -> Vec<K> {
        let mut keys = Vec::new();
        for (value, place) in values.iter().zip(&mut self.places) {
            if let Some(key) = key(value) {
                *place = Some((self.levels.len(), keys.len()));
                keys.push(key);
            }
        }
        keys
    }

    /// The answers for the values of a type, in the order of their keys.
    pub fn answered(&mut self, level: Level) {
        self.levels.push(level);
    }

    /// The answers for all values, in their order.
    pub fn into_level(self) -> Level {
        let mut level = Level::with_capacity(self.places.len(), self.levels.iter().map(Level::length).sum());
        for place in self.places {
            level.piece(|answer| match place.and_then(|(of, place)| Some((self.levels.get(of)?, place))) {
                Some((level, place)) => level.write(place, answer),
                None => Err(super::Violation),
            });
        }
        level
    }
}

/// Declares a union of objects that rows of one table refer to: `$key` is which object of which type, read from the one of the row's columns
/// that is not null, and answered for all of a level by one statement for each type.
///
/// The database sees to it that one of the columns is not null, and that what it refers to is there.
macro_rules! union_by_id {
    (
        $(#[$doc:meta])*
        pub union $union:ident by $key:ident of $row:ty, planned as $plan:ident {
            $($object:ident by $id:ident in $column:ident,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(::async_graphql::Union)]
        pub enum $union {
            $($object($object),)+
        }

        /// Which object of which type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $key {
            $($object($id),)+
        }

        /// What is selected of an object of each type.
        #[expect(non_snake_case, reason = "named by the types")]
        pub struct $plan {
            $($object: <$object as crate::graphql::plan::Output>::Plan,)+
        }

        impl $key {
            /// The columns of a row that say which object it refers to.
            pub const COLUMNS: ::entity::columns::Columns = ::entity::columns::Columns::named(
                <$row as ::entity::columns::Partial>::NAMES,
                &[$(stringify!($column)),+],
            );

            /// The object that the columns of a row refer to.
            pub fn of($($column: Option<i32>),+) -> Self {
                let objects = [$($column.map(|number| $key::$object($id(number)))),+];
                let missing = [$($key::$object($id(0))),+][0];
                objects.into_iter().flatten().next().unwrap_or(missing)
            }

            /// The object that a client names by its id. BAD_USER_INPUT on `field` for what is no id of one of these types.
            pub fn parse(
                id: &::async_graphql::ID,
                field: &str,
            ) -> crate::domain::error::Result<Self> {
                use crate::domain::ids::GlobalId;
                let (type_name, _) = crate::domain::ids::split(id, field)?;
                $(
                    if type_name == $id::TYPE_NAME {
                        return $id::parse(id, field).map($key::$object);
                    }
                )+
                Err(crate::domain::ids::of_another_type(field, type_name, &[$($id::TYPE_NAME),+].join(" or ")))
            }

            /// As clients see it.
            pub fn to_global(self) -> ::async_graphql::ID {
                match self {
                    $($key::$object(id) => crate::domain::ids::GlobalId::to_global(id),)+
                }
            }
        }

        impl From<std::sync::Arc<$row>> for $key {
            fn from(row: std::sync::Arc<$row>) -> Self {
                $key::of($(row.$column),+)
            }
        }

        const _: () = {
            use std::borrow::Cow;

            use async_graphql::{
                ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field,
                registry::Registry,
            };
            use entity::columns::Columns;
            use futures_util::{FutureExt, future::BoxFuture};

            use crate::graphql::{
                context::OperationContext,
                plan::{
                    Answer, Level, Mixed, One, Output, Scope, Selected, Violation, loaded_as, never_ready, type_of,
                },
            };

            impl OutputType for $key {
                loaded_as!($union, |this, context| match this {
                    $($key::$object(id) => One::<$object>(*id).load(context.reader()).await.map($union::$object),)+
                });
            }

            impl Output for $key {
                type Plan = $plan;

                fn plan(selected: &Selected<'_>) -> ServerResult<$plan> {
                    Ok($plan { $($object: <$object as Output>::plan(selected)?,)+ })
                }

                /// Those that say which object it is: it is loaded by them.
                fn columns(_: &$plan) -> Columns {
                    $key::COLUMNS
                }

                never_ready!();

                fn answer<'a>(keys: Vec<Self>, plan: &'a $plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
                where
                    Self: 'a,
                {
                    async move {
                        let mut mixed = Mixed::of(keys.len());
                        $(
                            let these = mixed.those(&keys, |key| match key {
                                $key::$object(id) => Some(One::<$object>(*id)),
                                _ => None,
                            });
                            if !these.is_empty() {
                                mixed.answered(One::answer(these, &plan.$object, scope).await);
                            }
                        )+
                        mixed.into_level()
                    }
                    .boxed()
                }
            }
        };
    };
}
pub(crate) use union_by_id;
