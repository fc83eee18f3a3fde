{
  description = "Builds Python applications from their uv.lock, reproducibly";

  # No inputs: `lib` needs nothing but Nix, and the overlay takes the nixpkgs of whoever uses it.
  outputs =
    { self }:
    {
      # `lib.for { system; program; }`: `program` is `lockstep`, linked statically.
      lib.for = import ./nix;

      # `lockstep` and `lockstepLib` in somebody's nixpkgs.
      overlays.default = import ./nix/overlay.nix self;

      templates.default = {
        path = ./nix/template;
        description = "a repository that packages one application from its uv.lock";
      };
    };
}
