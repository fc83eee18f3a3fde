{
  description = "An application from its uv.lock";

  inputs.lockstep.url = "git+https://code.example/lockstep";
  inputs.nixpkgs.url = "nixpkgs";

  outputs =
    { lockstep, nixpkgs, ... }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system}.extend lockstep.overlays.default;
      lib = pkgs.lockstepLib;
      # A root of unpacked Debian packages, by its NAR hash: docs/nix.md says how it gets there.
      root = builtins.path {
        path = ./debian-root;
        name = "debian-root";
      };
      it = lib.mkApplication {
        recipe = ./recipes/app.toml;
        toolchain = lib.debianToolchain {
          inherit root;
          version = "3.14";
        };
        caBundle = "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt";
        fetchEnvironment.PATH = "${pkgs.git}/bin";
      };
    in
    {
      packages.${system} = {
        default = it.application;
        inherit (it) wheelhouse;
      };
      devShells.${system}.default = pkgs.mkShell { packages = [ pkgs.lockstep ]; };
    };
}
