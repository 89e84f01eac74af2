// The build's constants, for tsc: asc gets them from its --use option (scripts/build.mjs).

/** 31 bits that name the core's sources; a region made by another build is refused. */
declare const BUILD_ID: i32;
