package kubernetes

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds are those that the manifests may have.
var kinds = map[string]func() metav1.Object{
	"v1/Namespace":                       func() metav1.Object { return &corev1.Namespace{} },
	"v1/ConfigMap":                       func() metav1.Object { return &corev1.ConfigMap{} },
	"v1/Secret":                          func() metav1.Object { return &corev1.Secret{} },
	"v1/ServiceAccount":                  func() metav1.Object { return &corev1.ServiceAccount{} },
	"apps/v1/Deployment":                 func() metav1.Object { return &appsv1.Deployment{} },
	"batch/v1/Job":                       func() metav1.Object { return &batchv1.Job{} },
	"policy/v1/PodDisruptionBudget":      func() metav1.Object { return &policyv1.PodDisruptionBudget{} },
	"networking.k8s.io/v1/NetworkPolicy": func() metav1.Object { return &networkingv1.NetworkPolicy{} },
}

// manifests are all objects, by kind and name. A field that Kubernetes does not know, or of another type, is an error.
func manifests(t *testing.T) map[string]metav1.Object {
	t.Helper()
	files, err := filepath.Glob("../../deploy/kubernetes/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := map[string]metav1.Object{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(text, []byte("\n---\n")) {
			var header metav1.TypeMeta
			require.NoError(t, yaml.Unmarshal(document, &header), file)
			kind := header.APIVersion + "/" + header.Kind
			require.Contains(t, kinds, kind, file)
			object := kinds[kind]()
			require.NoError(t, yaml.UnmarshalStrict(document, object), "%s: %s", file, kind)
			key := header.Kind + "/" + object.GetName()
			require.NotContains(t, found, key, file)
			found[key] = object
		}
	}
	return found
}

// pods are the templates of everything that runs.
func pods(all map[string]metav1.Object) map[string]corev1.PodTemplateSpec {
	found := map[string]corev1.PodTemplateSpec{}
	for key, object := range all {
		switch o := object.(type) {
		case *appsv1.Deployment:
			found[key] = o.Spec.Template
		case *batchv1.Job:
			found[key] = o.Spec.Template
		}
	}
	return found
}

func TestManifestsRunAsTheyShould(t *testing.T) {
	all := manifests(t)
	running := pods(all)
	require.Len(t, running, 3)
	for key, pod := range running {
		require.True(t, *pod.Spec.SecurityContext.RunAsNonRoot, key)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type, key)
		require.False(t, *pod.Spec.AutomountServiceAccountToken, key)
		for _, c := range pod.Spec.Containers {
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, key)
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, key)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, key)
			require.False(t, c.Resources.Limits.Memory().IsZero(), key)
		}
	}
	slots := all["Deployment/slots"].(*appsv1.Deployment)
	require.EqualValues(t, 1, *slots.Spec.Replicas)
}

// Whatever one object names of another is there.
func TestManifestsFitTogether(t *testing.T) {
	all := manifests(t)
	for key, object := range all {
		if _, cluster := object.(*corev1.Namespace); !cluster {
			require.Contains(t, all, "Namespace/"+object.GetNamespace(), key)
		}
		deployment, ok := object.(*appsv1.Deployment)
		if !ok {
			continue
		}
		require.Equal(t, deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels, key)
		require.NotNil(t, deployment.Spec.Template.Spec.Containers[0].ReadinessProbe, key)
		for _, volume := range deployment.Spec.Template.Spec.Volumes {
			if volume.Secret != nil {
				require.Contains(t, all, "Secret/"+volume.Secret.SecretName, key)
			}
		}
	}
	for key, pod := range pods(all) {
		require.Contains(t, all, "ServiceAccount/"+pod.Spec.ServiceAccountName, key)
		for _, source := range pod.Spec.Containers[0].EnvFrom {
			require.Contains(t, all, "ConfigMap/"+source.ConfigMapRef.Name, key)
		}
		policy := all["NetworkPolicy/pitwall"].(*networkingv1.NetworkPolicy)
		for name, value := range policy.Spec.PodSelector.MatchLabels {
			require.Equal(t, value, pod.Labels[name], "%s is not bounded by the network policy", key)
		}
	}
	budget := all["PodDisruptionBudget/worker"].(*policyv1.PodDisruptionBudget)
	require.Equal(t, all["Deployment/worker"].(*appsv1.Deployment).Spec.Selector, budget.Spec.Selector)
	require.Less(t, budget.Spec.MinAvailable.IntVal, *all["Deployment/worker"].(*appsv1.Deployment).Spec.Replicas)
}

// Every setting of the ConfigMap is one that docs/configuration.md lists.
func TestSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	for name := range manifests(t)["ConfigMap/pitwall"].(*corev1.ConfigMap).Data {
		require.True(t, strings.Contains(string(page), "`"+name+"`"), name)
	}
}
