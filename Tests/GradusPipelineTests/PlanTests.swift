import Foundation
#if canImport(FoundationXML)
import FoundationXML
#endif
import GradusCore
import GradusRank
import Testing

@testable import GradusPipeline

@Suite("Plans: printed, drawn, stored") struct PlanTests {
  private func pipeline() throws -> RetrievalPipeline {
    let a = RetrievalPipeline.retrieve(CountingRetriever([:]), depth: 100, name: "bm25", fingerprint: "i")
    let b = RetrievalPipeline.retrieve(CountingRetriever([:]), depth: 50, name: "dense", settings: [StageSetting("model", "<m>")])
    let rerank = ListPipeline.rerank(NumberReranker(), documents: DocumentTable([]), top: 20, name: "rerank", fingerprint: "m")
    let own = ListPipeline.filter(OwnDocumentFilter(), name: "own")
    return RetrievalPipeline.fuse(try Fusion(.rrf()), [a % 30, b]) >>> rerank % 10 >>> own
  }

  /// Compares with a stored text; with GRADUS_WRITE_SNAPSHOTS=FOLDER the present one is written there.
  private func expectSnapshot(_ text: String, _ name: String) throws {
    if let folder = ProcessInfo.processInfo.environment["GRADUS_WRITE_SNAPSHOTS"] {
      try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    let path = try #require(Bundle.module.resourcePath) + "/Fixtures/" + name
    #expect(text == (try String(contentsOfFile: path, encoding: .utf8)), "\(name) changed")
  }

  @Test("The plan as text, Mermaid and SVG")
  func snapshots() throws {
    let pipeline = try pipeline()
    // Hashes hold the version of the toolkit: a snapshot is about everything else.
    let text = pipeline.planText.replacing(#/\[[0-9a-f]{12}\]/#) { _ in "[HASH]" }
    try expectSnapshot(text, "plan.txt")
    try expectSnapshot(pipeline.mermaid(), "plan.mmd")
    let svg = pipeline.svg().replacing(#/\[[0-9a-f]{12}\]/#) { _ in "[HASH]" }
    try expectSnapshot(svg, "plan.svg")
  }

  @Test("The SVG is well-formed XML with a box for every part")
  func svgIsXML() throws {
    final class Counter: NSObject, XMLParserDelegate {
      var boxes = 0
      func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
      ) { if name == "rect" { boxes += 1 } }
    }
    let parser = XMLParser(data: Data(try pipeline().svg().utf8))
    let counter = Counter()
    parser.delegate = counter
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    // Queries, bm25, % 30, dense, fuse, rerank, % 10, own, lists.
    #expect(counter.boxes == 9)
  }

  @Test("No two boxes of a drawing stand in the same place, arrows go to the right")
  func layout() throws {
    let a = RetrievalPipeline.retrieve(CountingRetriever([:]), name: "a")
    let rerank = ListPipeline.rerank(NumberReranker(), documents: DocumentTable([]), name: "r")
    let plans = [
      try pipeline().plan, (a + a + (a >>> rerank)).plan, ((a >>> (rerank + rerank) >>> rerank) ||| (a % 3)).plan,
      (((a &&& a) ||| a) >>> (rerank ** (rerank >>> rerank)) % 5).plan,
    ]
    for plan in plans {
      let graph = PlanGraph(plan)
      #expect(Set(graph.boxes.map { "\($0.column) \($0.row)" }).count == graph.boxes.count)
      for arrow in graph.arrows { #expect(graph.boxes[arrow.from].column < graph.boxes[arrow.to].column) }
      for (first, left) in graph.boxes.enumerated() {
        for right in graph.boxes[(first + 1)...] where left.column == right.column { #expect(abs(left.row - right.row) >= 1) }
      }
      #expect(graph.boxes.allSatisfy { $0.row >= 0 && $0.row <= Double(graph.rows - 1) && $0.column < graph.columns })
    }
  }

  @Test("A pipeline prints as one writes it, with the brackets that it needs")
  func expressions() throws {
    let (a, b) = (RetrievalPipeline.run(Run(name: "a")), RetrievalPipeline.run(Run(name: "b")))
    let f = ListPipeline.filter(OwnDocumentFilter(), name: "f")
    func text(_ pipeline: RetrievalPipeline) -> String { pipeline.description.replacing("(depth=1000)", with: "") }
    #expect(text(a >>> f % 10) == "a >>> f % 10")
    #expect(text((a >>> f) % 10) == "(a >>> f) % 10")
    #expect(text(a % 10 >>> f >>> f) == "a % 10 >>> f >>> f")
    #expect(text((a + 0.5 * b) >>> f) == "(a + b * 0.5) >>> f")
    #expect(text(((a ||| b) &&& a) ^^^ b) == "((a ||| b) &&& a) ^^^ b")
    #expect(text((a % 5) ||| b) == "(a % 5) ||| b")
    #expect(text((a ** b) % 3) == "(a ** b) % 3")
    #expect(text(a + b + a) == "a + b + a")
    #expect(text(a + (b >>> f)) == "a + (b >>> f)")
    let fused = RetrievalPipeline.fuse(try Fusion(.rrf()), [a, b])
    #expect(text(fused % 2) == "fuse(rrf(k=60))[a, b] % 2")
  }

  @Test("JSON is the same bytes for the same plan, and reads back as the plan")
  func json() throws {
    let pipeline = try pipeline()
    let json = try pipeline.planJSON()
    #expect(try pipeline.planJSON() == json)
    #expect(try PlanDescription(json: json) == pipeline.plan)
    #expect(try PlanDescription(json: json).svg() == pipeline.svg())
    for broken in ["", "{}", "[]", json.replacing("\"cut\"", with: "\"cutt\"")] {
      #expect(throws: PipelineError.self) { try PlanDescription(json: broken) }
    }
  }

  @Test("Labels that would end a Mermaid label or an XML text are escaped")
  func escaping() {
    let a = RetrievalPipeline.retrieve(CountingRetriever([:]), name: "a\"<b>&#1;")
    #expect(a.mermaid().contains("a#quot;#lt;b#gt;#amp;#35;1;"))
    #expect(a.svg().contains("a&quot;&lt;b&gt;&amp;#1;"))
  }
}
