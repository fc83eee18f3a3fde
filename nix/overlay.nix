# For nixpkgs. It could not be tried with nixpkgs itself, only with a stand-in; see docs/nix.md.
source: final: _: {
  lockstep = final.rustPlatform.buildRustPackage {
    pname = "lockstep";
    version = "0.1.0";
    src = source;
    cargoLock.lockFile = ../Cargo.lock;
    cargoBuildFlags = [
      "--package"
      "lockstep"
    ];
    # The tests need a network and namespaces.
    doCheck = false;
    RUSTFLAGS = "-C target-feature=+crt-static";
    meta.mainProgram = "lockstep";
  };

  lockstepLib = import ./. {
    inherit (final.stdenv.hostPlatform) system;
    program = "${final.lockstep}/bin/lockstep";
  };
}
