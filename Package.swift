// swift-tools-version:6.1
import PackageDescription

// Imports point one way, downwards; the list runs from the top of the house to its foundations.
let package = Package(
  name: "gradus",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "gradus", targets: ["GradusCLI"]),
    .library(name: "Gradus", targets: ["Gradus"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // The `gradus` command: one file per subcommand.
    .executableTarget(
      name: "GradusCLI",
      dependencies: [
        "Gradus", "CGradusKernels", "CGradusOneDNN", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // `import Gradus` is all a newcomer needs: re-exports the libraries below.
    .target(
      name: "Gradus",
      dependencies: [
        "GradusCore", "GradusFormats", "GradusText", "GradusIndex", "GradusEval", "GradusTensor", "GradusModels",
        "GradusTrain", "GradusRank", "GradusData", "GradusRecipes", "GradusPipeline",
      ]),
    // Recipes: run a comparison over seeds, check the claim, write the report.
    .target(
      name: "GradusRecipes",
      dependencies: [
        "GradusData", "GradusEval", "GradusIndex", "GradusRank", "GradusTrain", .product(name: "Yams", package: "Yams"),
        "GradusPipeline",
      ]),
    // Typed stages and operators: a plan that is run, printed, drawn, stored and cached.
    .target(name: "GradusPipeline", dependencies: ["GradusRank", "GradusIndex", "GradusEval", "GradusFormats", "GradusCore"]),
    // Trainer, losses, weightings and curricula, samplers, optimizers, schedules.
    .target(
      name: "GradusTrain",
      dependencies: ["GradusRank", "GradusModels", "GradusTensor", "GradusEval", "GradusFormats", "GradusCore"]),
    // Retrievers and rerankers: stages from a query to a ranked list.
    .target(
      name: "GradusRank",
      dependencies: [
        "GradusIndex", "GradusModels", "GradusTensor", "GradusEval", "GradusFormats", "GradusText", "GradusCore",
      ]),
    // Collections and models by name: find, build, fetch, verify.
    .target(name: "GradusData", dependencies: ["GradusFormats", "GradusText", "GradusCore", "CLibXML2", "CArchive"]),
    // Inverted index: build, open, search.
    .target(name: "GradusIndex", dependencies: ["GradusText", "GradusFormats", "GradusCore", "CGradusKernels", "CZstd"]),
    // Encoders, heads and interaction rankers; loading and saving.
    .target(name: "GradusModels", dependencies: ["GradusTensor", "GradusText", "GradusFormats", "GradusCore", "CGradusKernels"]),
    // Tensor, automatic differentiation, modules, optimizer kernels.
    .target(name: "GradusTensor", dependencies: ["GradusCore", "CGradusKernels", "CGradusOneDNN"]),
    // Measures, significance, reports.
    .target(name: "GradusEval", dependencies: ["GradusFormats", "GradusCore"]),
    // Analyzers and stemmers, WordPiece, sentence splitter.
    .target(name: "GradusText", dependencies: ["GradusCore", "CStemmer"]),
    // File formats, one file per format: TREC, BEIR, MS MARCO, safetensors; gzip everywhere.
    .target(name: "GradusFormats", dependencies: ["GradusCore", "CZlib"]),
    // The shared vocabulary: queries, documents, runs, judgements, the tie rule, seeded randomness, the worker pool.
    .target(name: "GradusCore", dependencies: ["CNettle"]),
    // SIMD kernels with run-time dispatch, each with a scalar twin.
    .target(name: "CGradusKernels", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    // The only file that knows oneDNN, for its 2.x and 3.x interfaces.
    .target(name: "CGradusOneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(name: "CStemmer", providers: [.apt(["libstemmer-dev"]), .brew(["snowball"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"]), .brew(["libarchive"])]),
    .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"]), .brew(["libxml2"])]),
    .systemLibrary(name: "CNettle", pkgConfig: "nettle", providers: [.apt(["nettle-dev"]), .brew(["nettle"])]),

    // Tiny corpora, float comparison, where the real collections are: shared by the test targets.
    .target(name: "GradusTestSupport", dependencies: ["GradusCore"], path: "Tests/GradusTestSupport"),
    .testTarget(name: "KernelTests", dependencies: ["CGradusKernels", "CGradusOneDNN", "GradusTestSupport", "GradusCore"]),
    .testTarget(name: "GradusCoreTests", dependencies: ["GradusCore", "GradusTestSupport"]),
    .testTarget(name: "GradusFormatsTests", dependencies: ["GradusFormats", "GradusTestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "GradusTextTests", dependencies: ["GradusText", "GradusFormats", "GradusTestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "GradusIndexTests", dependencies: ["GradusIndex", "GradusEval", "GradusTestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(name: "GradusEvalTests", dependencies: ["GradusEval", "GradusTestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(name: "GradusTensorTests", dependencies: ["GradusTensor", "GradusTestSupport"]),
    .testTarget(
      name: "GradusModelsTests", dependencies: ["GradusModels", "CGradusKernels", "GradusTestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(name: "GradusTrainTests", dependencies: ["GradusTrain", "GradusTestSupport"]),
    .testTarget(
      name: "GradusRankTests", dependencies: ["GradusRank", "GradusEval", "GradusFormats", "GradusIndex", "GradusTestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "GradusPipelineTests", dependencies: ["GradusPipeline", "GradusTestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(name: "GradusDataTests", dependencies: ["GradusData", "GradusTestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(name: "GradusRecipesTests", dependencies: ["GradusRecipes", "GradusTestSupport"]),
    .testTarget(
      name: "GradusCLITests", dependencies: ["GradusCLI", "GradusCore", "GradusModels", "GradusTestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
