// swift-tools-version:6.1
import PackageDescription

// A package of its own, so that users never build it: every reader of files of unknown origin under libFuzzer.
// Build it with scripts/fuzz.sh, which passes the flags of coverage and of the address sanitizer.
let package = Package(
  name: "gradus-fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "gradus", path: "..")],
  targets: [
    .executableTarget(
      name: "GradusFuzz", dependencies: ["CGradusFuzz", .product(name: "Gradus", package: "gradus")]),
    .target(name: "CGradusFuzz"),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
