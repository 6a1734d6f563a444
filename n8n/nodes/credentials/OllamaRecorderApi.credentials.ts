import type { IAuthenticateGeneric, ICredentialTestRequest, ICredentialType, INodeProperties } from 'n8n-workflow';
import { NO_RECORDER } from '../recorder/request';

/** Where the recorder is, and what it asks for. Its test reads the list of models through the recorder. */
export class OllamaRecorderApi implements ICredentialType {
	name = 'ollamaRecorderApi';

	displayName = 'Ollama Recorder API';

	icon = { light: 'file:../icons/recorder.svg', dark: 'file:../icons/recorder.dark.svg' } as const;

	properties: INodeProperties[] = [
		{
			displayName: 'Address',
			name: 'address',
			type: 'string',
			required: true,
			default: 'http://127.0.0.1:8080',
			description:
				'The recorder, without a path. n8n without Docker: http://127.0.0.1:8080. n8n in the Docker stack of the recorder: http://nginx:80. n8n in another container, the recorder on its host: http://host.docker.internal:8080.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Only where the recorder has API_KEYS_FILE: the key that calls to Ollama are made with',
		},
		{
			displayName: "Reader's Token",
			name: 'readerToken',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'What INSPECTOR_TOKEN says, or the token of a reader. Needed to read records from another machine or container.',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: {
			headers: { Authorization: '={{ $credentials.apiKey ? "Bearer " + $credentials.apiKey : undefined }}' },
		},
	};

	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{ $credentials.address.replace(/\\/+$/, "") }}',
			url: '/api/ollama/api/tags',
		},
		rules: [
			{
				// Any server may answer 200; Ollama's list, through the recorder, has models, if only none.
				type: 'responseSuccessBody',
				properties: { key: 'models', value: undefined, message: NO_RECORDER },
			},
			{
				type: 'responseCode',
				properties: { value: 401, message: 'The recorder refuses the API key. It wants one that API_KEYS_FILE names.' },
			},
			{
				type: 'responseCode',
				properties: { value: 404, message: NO_RECORDER },
			},
			{
				type: 'responseCode',
				properties: { value: 502, message: 'The recorder is there, and Ollama behind it does not answer. Start Ollama, or mend OLLAMA_URL.' },
			},
			{
				type: 'responseCode',
				properties: { value: 504, message: 'The recorder is there, and Ollama behind it is silent.' },
			},
			// n8n takes both kinds in one list; its type takes one.
		] as ICredentialTestRequest['rules'],
	};
}
