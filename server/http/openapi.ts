// The OpenAPI document, made from the same table of routes that the server answers by.
import { z } from 'zod';
import { type Access, ProblemJson, type Route, routes } from '../../shared/http-api.ts';

type Json = Record<string, unknown>;

export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(operationId, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Stillhouse',
      version,
      description:
        'Publish versions of distilled image models, roll them out, bench them, fetch pictures by device name.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: schemaOf(ProblemJson, 'output') },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key: sk_<id>_<secret>; viewer < operator < admin' },
        device: { type: 'http', scheme: 'bearer', description: 'A device: sd_<id>_<secret>' },
      },
    },
  };
}

function operation(operationId: string, route: Route): Json {
  const { summary, access, params, query, body, answer, status } = route;
  return {
    operationId,
    summary,
    description: `For: ${accessList(access).join(', ')}.`,
    security: accessList(access).map((one) => (one === 'public' ? {} : { [one === 'device' ? 'device' : 'key']: [] })),
    parameters: [...parameters('path', params), ...parameters('query', query)],
    ...(body && { requestBody: { required: true, content: bodyContent(body) } }),
    responses: {
      [status]: { description: ERROR_FREE[status] ?? 'Done', content: answerContent(answer) },
      default: {
        description: 'A problem (RFC 9457); its code tells which',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

const ERROR_FREE: Readonly<Record<number, string>> = { 200: 'Done', 201: 'Created', 202: 'Accepted, not done yet' };

const accessList = (access: Route['access']): readonly Access[] => (typeof access === 'string' ? [access] : access);

function parameters(place: 'path' | 'query', schema: z.ZodObject | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

function bodyContent(body: NonNullable<Route['body']>): Json {
  if (body === 'bytes') return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
  return { 'application/json': { schema: schemaOf(body, 'input') } };
}

function answerContent(answer: Route['answer']): Json {
  if (answer instanceof z.ZodType) return { 'application/json': { schema: schemaOf(answer, 'output') } };
  return { [answer.mediaType]: { schema: { type: 'string' } } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return json;
}
