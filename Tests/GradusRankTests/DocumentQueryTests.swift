import GradusCore
import GradusIndex
import GradusRank
import Testing

@Suite("Documents as queries")
struct DocumentQueryTests {
  private static let texts = ["x x y z", "x y y q", "z z z w", "q"]

  private static func index() throws -> InvertedIndex {
    try TinyIndex.build(texts.enumerated().map { Document(docno: "d\($0)", text: $1) })
  }

  @Test("The document itself is left out, and the others keep their scores")
  func selfMatch() throws {
    let index = try Self.index()
    let retriever = DocumentQueryRetriever(index: index)
    let plain = try index.search(Self.texts[0], k: 10).documents
    let found = try retriever.retrieve([Query(qid: "d0", text: Self.texts[0]), Query(qid: "new", text: Self.texts[0])], depth: 3)
    #expect(found[0].documents == plain.filter { $0.docno != "d0" })
    #expect(found[1].documents == plain)
    #expect(try retriever.retrieve([Query(qid: "d0", text: Self.texts[0])], depth: 1)[0].documents.count == 1)
    #expect(try retriever.retrieve([Query(qid: "d0", text: "")], depth: 3)[0].documents.isEmpty)
  }

  @Test("The terms with the greatest tf * idf stand for the document")
  func topTerms() throws {
    // x and y are in two documents, z too, w in one: idf ln(1 + 2.5/2.5) = .693 and ln(1 + 3.5/1.5) = 1.204.
    let index = try Self.index()
    let retriever = DocumentQueryRetriever(index: index, view: .topTerms(2))
    #expect(try retriever.terms(of: "x x y z") == [WeightedTerm("x", weight: 2), WeightedTerm("y")])
    #expect(try retriever.terms(of: "z z w unknown") == [WeightedTerm("z", weight: 2), WeightedTerm("w")])
    let more = DocumentQueryRetriever(index: index, view: .topTerms(9))
    #expect(try more.terms(of: "w y") == [WeightedTerm("w"), WeightedTerm("y")])
    #expect(try DocumentQueryRetriever(index: index).terms(of: "w y w") == [WeightedTerm("w", weight: 2), WeightedTerm("y")])
  }
}
