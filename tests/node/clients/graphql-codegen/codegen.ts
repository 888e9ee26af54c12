import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: ["*.ts", "!codegen.ts"],
  generates: {
    "gql/": {
      preset: "client",
      presetConfig: {
        persistedDocuments: { hashAlgorithm: "sha256" },
        fragmentMasking: false,
      },
      config: {
        documentMode: "string",
        enumsAsTypes: true,
        // A scalar that is not named below would be `any`: fail instead.
        strictScalars: true,
        scalars: {
          ID: "string",
          Date: "string",
          DateTime: "string",
          // As text, exactly: `Intl.NumberFormat` takes the type of what comes out.
          Decimal: { input: "string", output: "`${number}`" },
          JSON: "unknown",
        },
      },
    },
  },
};

export default config;
