# Builds applications from recipes of Lockstep, with nothing but Nix itself: no nixpkgs, no shell.
# docs/nix.md says how to use it.
{
  # The machine that builds, in Nix's words.
  system,
  # The program `lockstep`, linked statically: the path of the file.
  program,
}:

let
  inherit (builtins)
    attrNames
    baseNameOf
    concatLists
    concatStringsSep
    dirOf
    elem
    elemAt
    filter
    fromTOML
    hasAttr
    hashFile
    hashString
    head
    isString
    length
    match
    pathExists
    readFile
    split
    stringLength
    substring
    toString
    ;

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;

  machine = head (match "([^-]+)-.*" system);

  # What a builder that downloads may know of its caller: proxies, certificates, the index. None of
  # it reaches the output, whose hash is fixed.
  impureEnvVars = [
    "ALL_PROXY"
    "HTTPS_PROXY"
    "HTTP_PROXY"
    "NETRC"
    "NIX_SSL_CERT_FILE"
    "NO_PROXY"
    "PIP_INDEX_URL"
    "UV_DEFAULT_INDEX"
    "UV_INDEX_URL"
    "all_proxy"
    "ftp_proxy"
    "http_proxy"
    "https_proxy"
    "no_proxy"
  ];

  # A derivation whose builder is `lockstep`, with what nix-update and people look at beside it.
  run =
    attributes@{
      passthru ? { },
      ...
    }:
    derivation (
      {
        inherit system;
        builder = program;
      }
      // removeAttrs attributes [ "passthru" ]
    )
    // passthru
    // {
      inherit passthru;
    };

  # The hash of uv's program as a tree of one executable file, by system. The program is pinned in
  # `lockstep` too, by the sha256 of its bytes.
  uvHashes = {
    x86_64-linux = "sha256-ocmwzQVAooa4VltKeLiQ8UWjHFcvB3Ywm2DVwH+Yw/0=";
    aarch64-linux = "sha256-XX4CwkeUaPCPKEWtK0bh5qj+o5J37oOZYlnCmnIEd1M=";
  };

  certificates = bundle: if bundle == null then { } else { SSL_CERT_FILE = "${bundle}"; };

  # The pinned uv, as a fixed output.
  fetchUv =
    {
      caBundle ? null,
      hash ? uvHashes.${system},
    }:
    run (
      {
        name = "uv";
        args = [
          "nix"
          "uv"
        ];
        inherit impureEnvVars;
        outputHashMode = "recursive";
        outputHashAlgo = "sha256";
        outputHash = hash;
      }
      // certificates caBundle
    );

  # A toolchain that is a root of unpacked Debian packages in the store. `python` is its
  # interpreter, made to run from the store with the root's own linker and libraries.
  debianToolchain =
    {
      root,
      version,
    }:
    let
      python = run {
        name = "python-${version}";
        args = [
          "nix"
          "python"
          "--root-fs"
          "${root}"
          "--python"
          "python${version}"
        ];
      };
    in
    {
      inherit root python;
      interpreter = "${python}/bin/python${version}";
    };

  # What of a recipe's directory its derivations depend on, and what is read of it here.
  readRecipe =
    file:
    let
      name = elemAt (match "(.*)\\.toml" (baseNameOf file)) 0;
      directory = dirOf file;
      isWorkspace = baseNameOf directory == "recipes";
      base = if isWorkspace then dirOf directory else directory;
      inBase = path: if isWorkspace then "recipes/${path}" else path;
      recipe = fromTOML (readFile file);
      overrides = recipe.override or { };
      patchesOf = it: map (patch: patch.file) (it.build.patch or [ ]);
      patches = concatLists (map (it: patchesOf overrides.${it}) (attrNames overrides));
      ledger = if isWorkspace then "golden/${name}.toml" else "${name}.ledger.toml";
      wanted = [
        (inBase "${name}.toml")
        (inBase "${name}.build-lock.toml")
        ledger
      ]
      ++ map inBase patches;
      isWanted = path: elem path wanted || filter (hasPrefix "${path}/") wanted != [ ];
      relative = path: substring (stringLength (toString base) + 1) (stringLength path) path;
      files = builtins.path {
        name = "${name}-recipe";
        path = base;
        filter = path: _: isWanted (relative path);
      };
      buildLock = directory + "/${name}.build-lock.toml";
    in
    {
      inherit
        name
        recipe
        directory
        buildLock
        ;
      path = "${files}/${inBase "${name}.toml"}";
      ledger =
        let
          path = base + "/${ledger}";
        in
        if pathExists path then fromTOML (readFile path) else { };
    };

  # The names of directories that are no source, as `lockstep` leaves them out itself.
  notSource = [
    ".git"
    ".hg"
    ".jj"
    ".svn"
    ".mypy_cache"
    ".pytest_cache"
    ".ruff_cache"
    ".tox"
    ".venv"
    "__pycache__"
  ];

  sourceOf =
    { recipe, directory, ... }:
    if recipe.source ? path then
      builtins.path {
        name = "source";
        path = directory + "/${recipe.source.path}";
        filter = path: _: !elem (baseNameOf path) notSource;
      }
    else
      throw "this recipe's source is a URL: give mkApplication a `source`, such as what fetchurl and an unpacking derivation give";

  # The target of this system, in the words of the ledger: `cp314-x86_64-manylinux_2_39`.
  targetOf =
    { name, recipe, ... }:
    let
      numbers = filter isString (split "\\." recipe.target.python);
      fitting = filter (hasPrefix "${machine}-") recipe.target.platforms;
      platform =
        if fitting == [ ] then throw "recipe ${name} has no platform of ${system}" else head fitting;
    in
    {
      inherit platform;
      tag = "cp${elemAt numbers 0}${elemAt numbers 1}-${platform}";
    };

  mkApplication =
    arguments@{
      # The path of `recipes/NAME.toml`.
      recipe,
      # What phase 2 sees: `{ root, python, interpreter }`, such as of `debianToolchain`.
      toolchain,
      # The application's source tree; without it, the recipe's own.
      source ? sourceOf read,
      uv ? fetchUv { inherit caBundle; },
      # A file of certificates for the download, as OpenSSL reads it.
      caBundle ? null,
      # Variables of the download: `PATH` with git, if the lock has a repository; what git and the
      # index need to know a user by. They are written into the store, which everybody can read.
      fetchEnvironment ? { },
      # The NAR hash of the wheelhouse; without it, that of the ledger.
      hash ? null,
      # Whether Nix tells attributes in a JSON file. Both are tried.
      structuredAttrs ? false,
      read ? readRecipe recipe,
    }:
    let
      inherit (read) name;
      target = targetOf read;
      lockFile =
        if read.recipe ? project.script then
          source + "/${read.recipe.project.script}.lock"
        else
          source + "/${read.recipe.project.directory or "."}/uv.lock";
      pinned =
        read.ledger.target.${target.tag}
          or (throw "the ledger of ${name} has no ${target.tag}; `lockstep bless ${name}` writes it");
      # Another lock is another name, hence another path: Nix fetches and compares, and does not
      # take the wheelhouse of the old lock for that of the new one.
      inputs = concatStringsSep " " [
        (hashFile "sha256" lockFile)
        (hashFile "sha256" read.buildLock)
        target.tag
      ];
      digest = substring 0 16 (hashString "sha256" inputs);
      common = [
        read.path
        "--source"
        "${source}"
        "--uv"
        "${uv}"
      ];
      closure =
        if structuredAttrs then
          {
            __structuredAttrs = true;
            exportReferencesGraph.closure = [ toolchain.python ];
          }
        else
          {
            exportReferencesGraph = [
              "closure"
              toolchain.python
            ];
          };
      given = [
        "--wheelhouse"
        "${wheelhouse}"
        "--toolchain-root"
        "${toolchain.root}"
        "--interpreter"
        toolchain.interpreter
      ];

      wheelhouse = run (
        {
          name = "${name}-wheelhouse-${digest}";
          args = [
            "fetch"
            "--nix"
          ]
          ++ common
          ++ [
            "--platform"
            target.platform
          ];
          inherit impureEnvVars;
          outputHashMode = "recursive";
          outputHashAlgo = "sha256";
          outputHash = if hash == null then pinned.nar-hash else hash;
          ${if structuredAttrs then "__structuredAttrs" else null} = true;
        }
        // certificates caBundle
        // fetchEnvironment
      );

      application = run (
        {
          inherit name;
          args = [
            "build"
            "--nix"
          ]
          ++ common
          ++ given;
          passthru = {
            inherit wheelhouse toolchain;
            updateScript = [
              program
              "bless"
              (toString recipe)
            ];
          };
        }
        // closure
      );

      wheels = builtins.listToAttrs (
        map (wheel: {
          name = wheel;
          value = run (
            {
              name = "${wheel}-wheel";
              args = [
                "build"
                "--nix"
                "--only"
                wheel
                "--wheels-out"
                (builtins.placeholder "out")
              ]
              ++ common
              ++ given;
            }
            // closure
          );
        }) (wheelNames read.buildLock)
      );
    in
    {
      inherit wheelhouse application wheels;
      # The same with other arguments: `(mkApplication { … }).override { hash = "…"; }`.
      override = others: mkApplication (arguments // others);
    };

  # What is built from source, by the build lock.
  wheelNames =
    buildLock:
    let
      lock = fromTOML (readFile buildLock);
    in
    if pathExists buildLock then map (it: it.name) (lock.build or [ ]) else [ ];
in
{
  inherit
    mkApplication
    debianToolchain
    fetchUv
    readRecipe
    ;
}
