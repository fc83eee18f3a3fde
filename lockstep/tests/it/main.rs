//! One integration binary: a file per stage, and what they share.

mod archive;
mod backend;
mod bad_input;
mod build;
mod build_lock;
mod build_requirements; // what builds need, from where
mod build_tools; // what builds need and is built from source itself
mod bytecode;
mod approved; // waivers and snapshots
mod check; // outputs that would pass their checks unduly
mod cli;
mod collisions;
mod compare; // two trees or files
mod console_scripts;
mod crash;
mod debian_mirror;
mod environment; // what a backend is asked and built in
mod export;
mod fetch;
mod first_hour; // what a stranger meets
mod gate; // judging an update of a lock
mod gc;
mod git;
mod golden_output;
mod graphs;
mod hostile_input; // recipes, markers and files that do what they must not
mod hostile_wheels; // wheels that a backend or an index breaks
mod isolation; // what hostile code tries in the sandbox
mod index; // a package index on loopback
mod layout;
mod local_project;
mod locks;
mod machine; // what a build can tell of the machine
mod manifest;
mod merge;
mod overrides;
mod own_repository; // outside of this checkout
mod patch;
mod pep508;
mod projects;
mod promises;
mod resolve;
mod resolvers;
mod run;
mod sandbox;
mod sandbox_probe; // what a build can try
mod secrets;
mod serve;
mod server;
mod small_workspace; // a repository of our own with one recipe
mod source_archive;
mod terminal; // what a person uses in a sandbox
mod toolchain;
mod toolchain_lock;
mod uv;
mod uv_agrees; // the real uv, asked the same
mod uv_settings; // what becomes of each
mod venv;
mod version_control; // what builds would ask git
mod verify_repro; // two rounds, and every verdict seen failing
mod wheel_archive;
mod wheel_choice;
mod wheel_store;
mod wheels_fixture;
mod workspace_tree;
